/** Calls of the operator's webhooks: JSON, signed, tried again when they fail. */
import { createHmac } from 'node:crypto';
import got from 'got';
import type { Instant, Milliseconds } from '../core/shared/time.ts';
import type { Log } from '../settings/log.ts';
import type { Webhook, WebhookEvent } from '../settings/settings.ts';

const waitMsMax: Milliseconds = 10_000;
const retries = 3;
/** Calls under way; more than that are dropped. */
const openMax = 100;

export interface Webhooks {
  /** Tells those of the webhooks that want this event. Failures are logged. */
  send(webhooks: readonly Webhook[], event: WebhookEvent, detail: object, at: Instant): void;
}

/** The value of `x-hindcast-signature`: the HMAC-SHA256, in hex, of the seconds, a dot and the body. */
export function webhookSignature(secret: string, seconds: number, body: string): string {
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;
}

/** Calls each webhook at most 100 at a time, with three retries and 10 s a try. */
export function createWebhooks(log: Log): Webhooks {
  let open = 0;
  const call = async ({ url, secret }: Webhook, event: WebhookEvent, body: string, at: Instant): Promise<void> => {
    const seconds = Math.floor(at / 1000);
    try {
      await got.post(url, {
        body,
        headers: {
          'content-type': 'application/json',
          ...(secret ? { 'x-hindcast-signature': webhookSignature(secret.reveal(), seconds, body) } : {}),
        },
        timeout: { request: waitMsMax },
        retry: { limit: retries, methods: ['POST'] },
        followRedirect: false,
      });
    } catch (problem) {
      log.warn(
        `the webhook ${URL.parse(url)?.host ?? ''} was not told of ${event}: ${problem instanceof Error ? problem.message : problem}`,
      );
    }
  };
  return {
    send(webhooks, event, detail, at) {
      const body = JSON.stringify({ event, at: new Date(at).toISOString(), ...detail });
      for (const webhook of webhooks.filter(({ events }) => events.includes(event))) {
        if (open >= openMax) continue;
        open += 1;
        void call(webhook, event, body, at).finally(() => {
          open -= 1;
        });
      }
    },
  };
}
