/** The stock client's own two codecs, so that what is read and written in tests is what phones read and write. */
import { Centrifuge } from 'centrifuge';
import { Centrifuge as CentrifugeProtobuf } from 'centrifuge/build/protobuf';

/** A publication as the client's codec gives it. */
export interface ReceivedPublication {
  data: unknown;
  delta?: boolean;
}

interface StockCodec {
  encodeCommands(commands: readonly unknown[]): string | Uint8Array;
  decodeReplies(data: string | Uint8Array): { push: { pub: ReceivedPublication } }[];
  applyDeltaIfNeeded(
    pub: ReceivedPublication,
    before: unknown,
  ): { newData: unknown; newPrevValue: unknown; isDelta: boolean };
}

interface StockProtobuf extends StockCodec {
  encodeEmulationRequest(request: { session: string; node: string; data: Uint8Array }): Uint8Array;
}

const codecOf = <Stock extends StockCodec>(client: object): Stock => (client as unknown as { _codec: Stock })._codec;

// Neither of them ever connects.
export const stockJson = codecOf<StockCodec>(new Centrifuge('ws://127.0.0.1:1'));
export const stockProtobuf = codecOf<StockProtobuf>(new CentrifugeProtobuf('ws://127.0.0.1:1'));
