/** Where a reader of a channel stands. The epoch changes when a stream is lost, and offsets of another epoch mean nothing. */
export interface StreamPosition {
  offset: number;
  epoch: string;
}

export interface Publication {
  offset: number;
  /** The JSON text of the publication's data; encoded once, whoever reads it. */
  data: string;
}

/** What came after a position. */
export interface History {
  publications: Publication[];
  /** The newest position. */
  position: StreamPosition;
  /** Whether `publications` is everything since the position asked for; if not, it is empty. */
  complete: boolean;
}
