import type { ErrorReply } from '@playnite/contracts/realtime';

/** A command could not be carried out; the client is told, and the connection goes on. */
export class CommandError extends Error {
  readonly reply: ErrorReply;

  constructor(reply: ErrorReply) {
    super(reply.message);
    this.reply = reply;
  }
}
