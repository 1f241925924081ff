import { onRequest as onSdkRequest } from 'firebase-functions/v2/https';
import { addressOf } from './addresses.ts';
import { type Context, REGION, context } from './context.ts';
import { classify } from './errors.ts';

/** A request, as far as pages that anybody may open need it. */
export interface PageRequest {
  method: 'GET' | 'HEAD';
  /** Below the function's own address, with its slash. */
  path: string;
  /** By lower-case name; the first where there are several. */
  header(name: string): string | undefined;
  /** The address that the request came from, as the platform's own front end saw it. */
  address: string;
}

export interface PageResponse {
  status: number;
  html: string;
}

/** Nothing that a page holds may run, be framed, or say where it was opened from. */
const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'private, no-store',
};

/** A function that answers with a page to whoever opens its address. */
export function onRequest(name: string, answer: (ctx: Context, request: PageRequest) => Promise<PageResponse>) {
  return onSdkRequest(
    { region: REGION, memory: '256MiB', concurrency: 80, timeoutSeconds: 30 },
    async (request, response) => {
      response.set(HEADERS);
      const { method, path } = request;
      if (method !== 'GET' && method !== 'HEAD') {
        response.set('allow', 'GET, HEAD').status(405).send('');
        return;
      }
      const ctx = await context();
      try {
        const { status, html } = await answer(ctx, {
          method,
          path,
          header: (header) => request.get(header),
          address: addressOf(request.get('x-forwarded-for'), request.socket.remoteAddress),
        });
        response.status(status).send(html);
      } catch (thrown) {
        const { code, message, retryable } = classify(thrown);
        ctx.log.error('request failed', { name, code, reason: message });
        if (retryable) response.set('retry-after', '5');
        response.status(retryable ? 503 : 500).send('');
      }
    },
  );
}
