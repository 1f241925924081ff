/**
 * Which web pages may talk to this server. A browser names the page's origin and no page can change that; who sends no
 * origin is no browser, and needs a token like anybody else. Credentials are never allowed: a token is in what the client
 * says, not in what its browser adds.
 */
import type { IncomingMessage } from 'node:http';

/** Seconds for which a browser need not ask again; Chromium keeps no answer for longer than two hours. */
const PREFLIGHT_KEPT_SECONDS = 7_200;

/** Whether the request comes from no web page, or from one of `allowedOrigins`; empty allows any. */
export function isOriginAllowed({ headers: { origin } }: IncomingMessage, allowedOrigins: readonly string[]): boolean {
  return origin === undefined || allowedOrigins.length === 0 || allowedOrigins.includes(origin);
}

/** The headers with which a browser hands the answer to the page; none when no page asked. */
export function corsHeaders({ headers: { origin } }: IncomingMessage): Record<string, string> {
  return origin === undefined ? {} : { 'access-control-allow-origin': origin, vary: 'origin' };
}

/** The headers of the answer to an OPTIONS request. */
export function preflightHeaders(request: IncomingMessage, methods: readonly string[]): Record<string, string> {
  return {
    ...corsHeaders(request),
    'access-control-allow-methods': methods.join(', '),
    'access-control-allow-headers': 'content-type',
    'access-control-max-age': String(PREFLIGHT_KEPT_SECONDS),
  };
}
