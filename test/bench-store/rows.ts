/** Exchanges as large as people's are, with words that repeat as words do, so that compression is neither flattered nor hurt. */

import type { Exchange } from '../../gateway/core/exchange.ts';
import { seededUniform } from '../../statistics/distributions/seeded-uniform.ts';
import { plainExchange } from '../recorder/plain-exchange.ts';

const syllables = 'ka to ri men sol ab er ven dis lo pra ti um gar ne fil os tan be cu'.split(' ');
/** A word's rank decides how often it comes, as in any language. */
const words = Array.from({ length: 4_000 }, (_, i) => {
  const count = 1 + Math.floor(seededUniform('length', String(i)) * 4);
  return Array.from({ length: count }, (_, j) => syllables[Math.floor(seededUniform(`word ${i}`, String(j)) * syllables.length)]).join('');
});

/** Small and fast; the moments of a bench need no better one. */
function xorshift(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

function text(bytes: number, next: () => number): string {
  let out = '';
  while (out.length < bytes) out += `${words[Math.floor(words.length ** next()) - 1] ?? 'a'} `;
  return out.slice(0, bytes);
}

const systemPrompts = Array.from({ length: 20 }, (_, i) => text(1_000, xorshift(i + 1)));

/** Request and answer together hold `payloadBytes`; as with most callers, a fourth of it is a system prompt that many share. */
export function exchangesOf(count: number, payloadBytes: number, now: number): readonly Exchange[] {
  const next = xorshift(now);
  return Array.from({ length: count }, (_, i) => {
    const shared = systemPrompts[Math.floor(next() * systemPrompts.length)]!.slice(0, payloadBytes / 4);
    const request = (model: string) =>
      Buffer.from(
        JSON.stringify({
          model,
          messages: [
            { role: 'system', content: shared },
            { role: 'user', content: question },
          ],
        }),
      );
    const question = text(payloadBytes / 2, next);
    const response = Buffer.from(
      JSON.stringify({
        id: `c${i}`,
        choices: [{ index: 0, message: { role: 'assistant', content: text(payloadBytes / 4, next) }, finish_reason: 'stop' }],
      }),
    );
    const plain = plainExchange({ receivedAt: now - i * 7 });
    const [attempt] = plain.attempts;
    return {
      ...plain,
      caller: { ...plain.caller, tenant: `tenant-${Math.floor(next() * 20)}`, user: `u${Math.floor(next() * 5_000)}` },
      request: request('smart'),
      response,
      attempts: [{ ...attempt!, request: request('small'), response, chunks: [[40 + next() * 100, response.length]] }],
    };
  });
}
