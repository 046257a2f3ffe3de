/** Every command that has `--json`, run over the recorded folder in an order in which each finds what it needs. */
import type { RecordedFolder } from './recorded-folder.ts';

export interface JsonCommand {
  readonly args: readonly string[];
}

const json = (line: string): JsonCommand => ({ args: [...line.split(' '), '--json'] });
const plain = (line: string): JsonCommand => ({ args: line.split(' ') });

/** A replay, and what is said of it. */
export function firstCommands({ judgeUrl, ids }: RecordedFolder): readonly JsonCommand[] {
  const judge = `--judge house/judge --judge-url ${judgeUrl}`;
  return [
    json('replay run --since 1h --route smart-route --against sim/small --against sim/large --aa 20% -j 64'),
    json(`show ${ids[0]}`),
    json(`open ${ids[0]}`),
    json('replay status latest'),
    json('replay resume latest'),
    json(`replay diff latest ${judge} --limit 3 --allow-unpriced`),
    plain('replay export latest -o run.jsonl'),
    json('eval snapshot --chain sim/small,sim/large --run latest -o snapshot.jsonl'),
    json('eval score --scorer regex=a'),
    json(`eval score --run latest ${judge} --against sim/large`),
    plain('eval label --run latest -o labels.csv --sample 5'),
  ];
}

/** They need the record and no replay, so that each list may run beside the others. */
export const recordCommands: readonly (readonly JsonCommand[])[] = [
  [
    json('config check'),
    json('config check --config broken.yaml'),
    json('config explain --request body.json --model smart-route'),
    json('config import litellm.yaml'),
    json('keys create acme --tenant default --project web --user u1 --role admin --yaml'),
    json('keys list --config keys.yaml'),
    json('keys revoke old-key --config keys.yaml --write'),
    json('doctor'),
    json('store status'),
    json('store migrate'),
    json('store export -o records.jsonl --payloads'),
    json('replay dataset create golden --since 1h --sample 5'),
    json('replay dataset list'),
    json('replay dataset show golden@1'),
    json('eval certify --chain smart-route --run audit --weigh --max-loss 90pp'),
    json('eval watch watched.json --once'),
  ],
  [
    json('replay plan --since 1h --route smart-route --against sim/small --against sim/large'),
    plain('replay plan --since 1h --route none --against sim/small'),
    json('store erase --tenant nobody --user u1'),
    json('prices list --provider deepseek --at 2026-11-30T02:00Z'),
    json('prices show deepseek/deepseek-flash --at 2026-11-30T02:00Z'),
    json('prices update --from newer-prices.json'),
    json('prices diff'),
    json('prices reprice --since 1h'),
    json('prices reconcile --bill bill.json --provider sim'),
  ],
];

/** Once the table of labels is filled in. */
export function laterCommands({ place, ids }: RecordedFolder): readonly JsonCommand[] {
  const [head, ...rows] = place.read('labels.csv').trim().split('\n');
  place.write('labels.csv', [head, ...rows.map((row, i) => row.replace(/,?\s*$/, i % 2 === 0 ? ',y' : ',n'))].join('\n'));
  return [
    json('eval label --import labels.csv --run latest --by anna'),
    json('eval audit --run latest'),
    json('replay run --since 1h --route smart-route --against sim/large --mode simulated'),
    plain('replay run --since 1h --route smart-route --against sim/small --max-cost 0.000001'),
    json(`eval explain ${ids[0]} --chain sim/small,sim/large`),
    json('eval simulate --candidate next.yaml --route smart-route'),
    json('eval cache --since 1h'),
    json('eval import outcomes.jsonl'),
    json('keys create stored-key --models sim/* --expires 90d'),
    json('keys block stored-key'),
    json('keys unblock stored-key'),
    json('keys expire stored-key --at 30d'),
    json('keys rotate stored-key --grace 1h'),
    json('keys list'),
    json('keys revoke stored-key'),
  ];
}

/** They need files and nothing that was recorded, so that they may run beside the others. */
export function fileCommands(): readonly JsonCommand[] {
  const chain = '--chain sim/small,sim/large --outcomes outcomes.jsonl';
  return [
    json('config schema'),
    json(`eval sweep ${chain}`),
    json(`eval certify ${chain} --max-loss 10pp`),
    json(`eval certify ${chain} --max-loss 10pp --max-errors 20% --max-p95 5s --slice task -o certificate.json`),
    json('eval check certificate.json --outcomes outcomes.jsonl'),
    json(`eval calibrate ${chain}`),
    json('eval train --chain sim/small,sim/large --outcomes signals.jsonl -o scorer.json'),
    json(`eval power ${chain} --max-loss 1pp`),
    json('eval compare sim/large sim/small --outcomes outcomes.jsonl'),
    json(`eval explain q17 ${chain}`),
    json('eval gate gate.yaml'),
    json('eval gate fails.yaml'),
  ];
}

export function writeFiles(place: RecordedFolder['place']): void {
  const outcomes = Array.from({ length: 600 }, (_, i) => {
    const sure = i % 10 < 7;
    const right = sure ? i % 100 !== 3 : i % 3 === 0;
    const cheap = {
      quality: right ? 1 : 0,
      confidence: sure ? 0.9 : 0.4,
      cost: 0.001 + (i % 7) * 1e-5,
      latency_ms: 100 + (i % 50),
      ttft_ms: 20,
    };
    const dear = { quality: 1, cost: 0.01 + (i % 11) * 1e-5, latency_ms: 900 + (i % 90), ttft_ms: 300 };
    return JSON.stringify({ id: `q${i}`, tags: { task: i % 2 ? 'refund' : 'other' }, targets: { 'sim/small': cheap, 'sim/large': dear } });
  });
  place.write('outcomes.jsonl', outcomes.join('\n'));
  const signals = Array.from({ length: 400 }, (_, i) => {
    const [quality, shown] = [i % 3 === 0 ? 0 : 1, ((i * 7) % 11) / 20];
    const cheap = { quality, signals: { mean_logprob: shown + quality / 4, min_logprob: shown }, cost: 0.001 };
    return JSON.stringify({ id: `q${i}`, targets: { 'sim/small': cheap, 'sim/large': { quality: 1, cost: 0.01 } } });
  });
  place.write('signals.jsonl', signals.join('\n'));
  place.write('body.json', JSON.stringify({ model: 'x', messages: [{ role: 'user', content: 'Hello' }], logprobs: true, n: 2 }));
  const promise = { loss: 'harm', max_loss: 0.9, confidence: 0.95, thresholds: [0.74] };
  const issued = { kind: 'hindcast-certificate', verdict: 'certified', issued_at: new Date(Date.now() - 3_600_000).toISOString() };
  const watched = { ...issued, chain: 'smart-route', targets: ['sim/small', 'sim/large'], signal: 'confidence', ...promise };
  place.write('watched.json', JSON.stringify({ ...watched, baseline: { signals: [], accepted: [1], models: {} } }));
  place.write('newer-prices.json', JSON.stringify({ 'openai/gpt-4o': { input: 1, output: 2 } }));
  const billed = {
    start_time: Math.floor(Date.now() / 1000),
    results: [{ amount: { value: 1, currency: 'usd' }, line_item: 'small', project_id: 'p' }],
  };
  place.write('bill.json', JSON.stringify({ data: [billed] }));
  place.write('broken.yaml', 'providers: { sim: { api: simulate } }\n');
  place.write(
    'litellm.yaml',
    'model_list:\n  - { model_name: a, litellm_params: { model: openai/gpt-4o, api_key: os.environ/KEY, odd: 1 } }\nlitellm_settings: { callbacks: [x] }\n',
  );
  const hash = 'sha256:' + '0'.repeat(64);
  place.write(
    'keys.yaml',
    `providers: { sim: { api: simulated } }\nkeys:\n  - { name: old-key, hash: "${hash}", tenant: default }\n  - { name: new-key, hash: "${hash.replace('0', '1')}", role: admin }\n`,
  );
  const gate = `version: 1
name: prices
baseline: { target: sim/large }
candidate: { chain: [sim/small, sim/large], thresholds: [0.8] }
data: { outcomes: outcomes.jsonl }
gates:
  - { name: no worse, metric: quality, assert: "delta > -0.1pp" }
  - { name: cheaper, metric: cost_per_1k, assert: "delta < -20%", where: "task = 'refund'", severity: warn }
`;
  place.write('gate.yaml', gate);
  place.write('fails.yaml', gate.replace('-0.1pp', '-0.0001pp'));
  place.write('next.yaml', place.read('hindcast.yaml').replace('0.74', '0.2'));
}
