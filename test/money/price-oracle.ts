/** Bills that providers stated, each as an answer through a real gateway, against the cost that its row in `attempts` has. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '../../gateway/core/chat/json.ts';
import { objectOf } from '../../gateway/providers/openai/parsing/reading.ts';
import { Workspace } from '../hindcast.ts';

interface Bill {
  readonly provider: string;
  readonly model_served: string;
  readonly upstream_provider: string | null;
  readonly cost_usd: number;
  readonly usage: JsonObject;
  readonly suspect?: unknown;
}

export interface VendorScore {
  readonly vendor: string;
  readonly bills: number;
  /** `attempts.cost_usd` where the bill is read from the answer. */
  readonly stated: number;
  /** The same with the bill taken out of the answer: by our table, within 1 %. */
  readonly counted: number;
  readonly unknown: number;
}

/** Undefined without recorded bills. */
export async function scorePrices(recordings: string | undefined): Promise<readonly VendorScore[] | undefined> {
  if (recordings === undefined) return undefined;
  const lines = readFileSync(`${recordings}/prices/cost_oracle.jsonl`, 'utf8').trim().split('\n');
  const bills = lines.map(line => JSON.parse(line) as Bill).filter(({ suspect }) => !suspect);
  const [stated, counted] = [await recordedCosts(bills, true), await recordedCosts(bills, false)];
  return [...Map.groupBy(bills.keys(), i => vendorOf(bills[i]!))].map(([vendor, own]) => {
    const near = (costs: ReadonlyMap<number, number | null>) =>
      own.filter(i => Math.abs((costs.get(i) ?? Number.NaN) - billedFor(bills[i]!)) <= 0.01 * billedFor(bills[i]!)).length;
    return {
      vendor,
      bills: own.length,
      stated: near(stated),
      counted: near(counted),
      unknown: own.filter(i => counted.get(i) == null).length,
    };
  });
}

const vendorOf = ({ provider, upstream_provider: upstream, model_served: model }: Bill): string =>
  provider === 'xai' ? 'xai' : `openrouter: ${upstream ?? model.split('/')[0]}`;

function billedFor({ cost_usd: billed, usage }: Bill): number {
  const upstream = objectOf(usage.cost_details).upstream_inference_cost;
  return billed === 0 && typeof upstream === 'number' ? upstream : billed;
}

/** Sends every bill's usage through a gateway; the cost in `attempts` by the number of the bill, null when unknown. */
async function recordedCosts(bills: readonly Bill[], withBill: boolean): Promise<ReadonlyMap<number, number | null>> {
  const server = createServer(async (incoming, response) => {
    let text = '';
    for await (const chunk of incoming.setEncoding('utf8')) text += chunk;
    const { user } = JSON.parse(text) as { user: string };
    const { model_served: model, usage } = bills[Number(user)]!;
    response.setHeader('content-type', 'application/json').end(
      JSON.stringify({
        ...{ id: 'x', object: 'chat.completion', created: 1, model },
        choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
        usage: withBill ? inChatForm(usage) : withoutBill(inChatForm(usage)),
      }),
    );
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const account = (api: string): string => `{ api: ${api}, key: sk-some-key-123456, base_url: "${base}", allow_private: true }`;
  await using place = new Workspace(
    `server: { port: 0 }\nstore: { port: 0 }\nproviders: { openrouter: ${account('openrouter')}, xai: ${account('xai')} }\n`,
  );
  const gateway = await place.serve();
  for (const [i, { provider, model_served: model }] of bills.entries()) {
    const name = `${provider === 'xai' ? 'xai' : 'openrouter'}/${model}`;
    await fetch(`${gateway.url}/v1/chat/completions`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
      body: JSON.stringify({ model: name, messages: [{ role: 'user', content: 'hi' }], user: String(i) }),
    }).then(response => response.text());
  }
  await gateway.flush();
  const sql =
    'SELECT r.end_user AS bill, toFloat64(a.known_cost_usd) AS usd FROM attempts AS a JOIN requests AS r ON r.request_id = a.request_id FORMAT JSONEachRow';
  let rows: { bill: string; usd: number | null }[] = [];
  while (rows.length < bills.length) {
    const text = await (await fetch(gateway.storeUrl, { method: 'POST', body: sql })).text();
    rows =
      text.trim() === ''
        ? []
        : text
            .trim()
            .split('\n')
            .map(line => JSON.parse(line) as { bill: string; usd: number | null });
    await new Promise(wait => setTimeout(wait, 200));
  }
  server.closeAllConnections();
  server.close();
  return new Map(rows.map(({ bill, usd }) => [Number(bill), usd === null ? null : Number(usd)]));
}

const withoutBill = ({ cost: _, cost_in_usd_ticks: __, cost_details: ___, is_byok: ____, ...usage }: JsonObject): JsonObject => usage;

/** The Responses API uses other names for the same counts. */
const inChatForm = (usage: JsonObject): JsonObject =>
  'input_tokens' in usage
    ? {
        prompt_tokens: usage.input_tokens!,
        completion_tokens: usage.output_tokens!,
        prompt_tokens_details: objectOf(usage.input_tokens_details),
        completion_tokens_details: objectOf(usage.output_tokens_details),
        ...Object.fromEntries(Object.entries(usage).filter(([name]) => /^cost|^is_byok/.test(name))),
      }
    : usage;
