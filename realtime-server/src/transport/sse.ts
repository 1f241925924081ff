/**
 * Server-sent events: the replies as events, one a message; what the client says after its first commands comes through
 * the emulation endpoint. A browser's EventSource can only GET, so its first commands, the token among them, are in the
 * URL: no URL is logged here. As Centrifugo's (centrifuge, handler_sse.go).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type StreamOptions, answer, firstMessage, openStream, startEventStream } from './http-stream.ts';

/** The query's parameter with the first commands. */
const CONNECT_PARAMETER = 'cf_connect';

/** GET /connection/sse?cf_connect=…, or POST with the same as its body. */
export async function acceptEventStream(
  request: IncomingMessage,
  response: ServerResponse,
  address: string,
  options: StreamOptions,
): Promise<void> {
  const first =
    request.method === 'GET' ? inQuery(request, response) : await firstMessage(request, response, options.limits);
  if (!first || response.destroyed) return;
  startEventStream(request, response);
  openStream({ name: 'sse', response, format: options.formats.sseJson, address, first }, options);
}

function inQuery(request: IncomingMessage, response: ServerResponse): Buffer | undefined {
  const url = request.url ?? '';
  const commands = new URLSearchParams(url.slice(url.indexOf('?') + 1)).get(CONNECT_PARAMETER);
  if (commands) return Buffer.from(commands);
  answer(request, response, 400);
  return undefined;
}
