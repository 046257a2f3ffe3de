/** Requests of every kind, as they were sent to version 0.1.0 and are sent again. */
import type { Gateway } from '../hindcast.ts';

const chat = (model: string, content: string, more: object = {}) => ({ model, messages: [{ role: 'user', content }], ...more });

async function ask(url: string, body: object, headers: Record<string, string> = {}, path = '/v1/chat/completions'): Promise<string> {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  await response.arrayBuffer();
  return response.headers.get('x-request-id') ?? '';
}

/** Exchanges of every kind; gives the ids of those that are recorded. */
export async function traffic({ url }: Pick<Gateway, 'url'>, orders: readonly number[]): Promise<readonly string[]> {
  const question = (order: number): string => `What is the refund code of order ${order}?`;
  const ids = await Promise.all([
    ...orders.map(order =>
      ask(url, chat('smart', question(order), { user: 'u1' }), {
        'x-hindcast-tag-task': 'refund',
        'x-hindcast-conversation': `talk-${order}`,
      }),
    ),
    ask(url, chat('smart', 'Say hello', { stream: true })),
    ask(url, chat('smart', 'What is the refund code of order 3?', { stream: true })),
    ask(url, chat('hedged', 'Say hello')),
    ask(url, chat('sim/small:status=500', 'This fails')),
    ask(url, chat('sim/small:cut=3', 'This stream breaks', { stream: true })),
    ask(url, { ...chat('sim/small', 'Hello in another format'), max_tokens: 20 }, {}, '/v1/messages'),
  ]);
  await ask(url, { request_id: ids[0], name: 'helpful', value: 1, label: 'good', comment: 'as it should be' }, {}, '/v1/feedback');
  return ids;
}
