/** Every agent at every target: what works, what is told, and why the rest does not. */
import type { RunningGateway } from '../gateway/harness.ts';
import { startGateway } from '../gateway/harness.ts';
import { type Fault, type StrictTarget, startStrictTarget, type TargetName, targetAccounts, targetNames } from './strict-target.ts';
import type { Agent, Session } from './transcripts.ts';

export const features = ['tools', 'freeform tools', 'thinking', 'long ids', 'several system prompts', 'cut stream', 'fallback'] as const;
export type Feature = (typeof features)[number];

/** `=` as it is, `~` in other words and told, `r` not, for the reason, `-` the agent has none, `X` failed. */
export interface Cell {
  readonly mark: '=' | '~' | 'r' | '-' | 'X';
  readonly reason?: string;
}

export type Row = Readonly<Record<Feature, Cell>>;

export interface Bench extends AsyncDisposable {
  readonly gateway: RunningGateway;
  readonly targets: Readonly<Record<TargetName, StrictTarget>>;
}

/** The target that takes over from each. */
const spareOf: Readonly<Record<TargetName, TargetName>> = {
  openai: 'anthropic',
  template: 'gemini',
  responses: 'bedrock',
  anthropic: 'openai',
  gemini: 'responses',
  bedrock: 'template',
};

/** A gateway over a scripted target of each kind: a route `NAME`, and `NAME-spare`, which falls back to another maker. */
export async function startBench(alias: Readonly<Record<string, TargetName>> = {}, isSpare = false): Promise<Bench> {
  const targets = Object.fromEntries(
    await Promise.all(targetNames.map(async name => [name, await startStrictTarget(name)])),
  ) as Bench['targets'];
  const account = (name: TargetName): string => {
    const { api, root } = targetAccounts[name];
    const keys = api === 'bedrock' ? 'region: eu-west-1, access_key_id: AKIAEXAMPLE, secret_access_key: secret' : 'key: k';
    return `  ${name}: { api: ${api}, ${keys}, base_url: "${targets[name].url}${root}", allow_private: true }`;
  };
  const step = (name: TargetName): string => `{ target: ${name}/${targetAccounts[name].model}, retries: 0 }`;
  const routes = targetNames.flatMap(name => [
    `  to-${name}: { steps: [${step(name)}] }`,
    `  to-${name}-spare: { steps: [${step(name)}, ${step(spareOf[name])}] }`,
  ]);
  const aliases = Object.entries(alias).map(
    ([model, name]) => `  ${model}: { steps: [${step(name)}${isSpare ? `, ${step(spareOf[name])}` : ''}] }`,
  );
  const gateway = await startGateway(
    `providers:\n${targetNames.map(account).join('\n')}\nroutes:\n${[...routes, ...aliases].join('\n')}\n`,
  );
  return {
    gateway,
    targets,
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]();
      for (const target of Object.values(targets)) await target[Symbol.asyncDispose]();
    },
  };
}

const finalText = 'The marker is written down.';

interface Played {
  readonly session?: Session;
  readonly problem?: string;
  readonly seen: StrictTarget['seen'];
  /** Fields of the warnings of all its requests. */
  readonly told: string;
}

/** One session. An agent with a model of its own gets a gateway where that name is the route. */
async function play(shared: Bench, agent: Agent, target: TargetName, isSpare: boolean, fault?: Fault): Promise<Played> {
  if (agent.model === undefined) return playAt(shared, agent, target, `to-${target}${isSpare ? '-spare' : ''}`, fault);
  await using bench = await startBench({ [agent.model]: target }, isSpare);
  return await playAt(bench, agent, target, agent.model, fault);
}

async function playAt({ gateway, targets }: Bench, agent: Agent, target: TargetName, route: string, fault?: Fault): Promise<Played> {
  const script = { turns: agent.turns, finalText, longIds: true };
  const [main, spare] = [targets[target], targets[spareOf[target]]];
  main.play(script, fault);
  spare.play(script);
  gateway.sink.exchanges.length = 0;
  const session = await agent
    .play(gateway.url, route)
    .catch((problem: unknown) => (problem instanceof Error ? problem.message : String(problem)));
  const told = gateway.sink.exchanges
    .flatMap(({ attempts }) => attempts.flatMap(({ warnings }) => warnings.map(({ field }) => field)))
    .join();
  const seen = [...main.seen];
  if (typeof session !== 'string') return { session, seen, told };
  const refusals = [main, spare].flatMap(played => played.seen.flatMap(({ refusal }) => (refusal ? [refusal] : [])));
  return { problem: [...new Set(refusals), session].join('; ').slice(0, 300), seen, told };
}

/** The calls that the agent got are those that the model made, in the agent's own form. */
function isFaithful({ turns }: Agent, { calls, text }: Session): boolean {
  const expected = turns.flat();
  return (
    text === finalText &&
    calls.length === expected.length &&
    expected.every(({ name, arguments: text, freeform }, i) => {
      const call = calls[i]!;
      if (call.name !== name || Boolean(call.freeform) !== Boolean(freeform)) return false;
      return freeform ? call.arguments === text : JSON.stringify(JSON.parse(call.arguments)) === JSON.stringify(JSON.parse(text));
    })
  );
}

const none: Cell = { mark: '-' };
const asTold = (isTold: boolean): Cell => ({ mark: isTold ? '~' : '=' });

/** One agent at one target: a plain session, one whose stream breaks, and one whose target fails in the middle. */
export async function rowOf(bench: Bench, agent: Agent, target: TargetName): Promise<Row> {
  const { has, turns } = agent;
  const good = ({ session, problem }: Played, cell: Cell): Cell =>
    session && isFaithful(agent, session) ? cell : { mark: 'X', reason: problem ?? 'the calls differ' };
  const plain = await play(bench, agent, target, false);
  const { told, seen } = plain;
  const last = turns.length;
  const cut = await play(bench, agent, target, false, { turn: last, kind: 'cut' });
  const results = turns.flat().length;
  // The broken turn was asked again.
  const isRepeated = cut.seen.filter(request => request.results === results).length > 1;
  const fallback = await play(bench, agent, target, true, { turn: last, kind: 'down' });
  const hasReturned = seen.some(({ hasOwnReasoning }) => hasOwnReasoning);
  return {
    tools: turns.length === 0 ? none : good(plain, { mark: '=' }),
    'freeform tools': has.freeform ? good(plain, asTold(/tools\[\d+\]/.test(told) && !['responses', 'openai'].includes(target))) : none,
    thinking: has.thinking ? good(plain, thinkingCell(agent, target, hasReturned)) : none,
    'long ids': has.longIds ? good(plain, asTold(/user|tools\[\d+\]/.test(told))) : none,
    'several system prompts': has.systemPrompts ? good(plain, asTold(/messages\[|input\[|system|instructions/.test(told))) : none,
    'cut stream': good(cut, isRepeated ? { mark: '=' } : { mark: 'X', reason: 'the cut was not seen' }),
    fallback: good(fallback, { mark: '=' }),
  };
}

/** Reasoning comes back to its maker where maker and agent keep it. */
function thinkingCell({ api }: Agent, target: TargetName, hasReturned: boolean): Cell {
  if (hasReturned) return { mark: '=' };
  if (target === 'openai') return { mark: 'r', reason: 'OpenAI shows no reasoning in chat completions' };
  if (target === 'template') return { mark: 'r', reason: 'the server signs no reasoning, and its model needs none back' };
  if (api === 'chat') return { mark: 'r', reason: 'agents of chat completions send no reasoning back' };
  return { mark: 'X', reason: 'the reasoning was lost' };
}

/** The table as text, with the reasons below. */
export function formatMatrix(rows: readonly { readonly agent: string; readonly target: string; readonly row: Row }[]): string {
  const head = ['agent', 'target', ...features];
  const lines = rows.map(({ agent, target, row }) => [agent, target, ...features.map(feature => row[feature].mark)]);
  const widths = head.map((title, column) => Math.max(title.length, ...lines.map(line => line[column]!.length)));
  const print = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd();
  const reasons = rows.flatMap(({ agent, target, row }) =>
    features.flatMap(feature =>
      row[feature].reason === undefined ? [] : [`  ${row[feature].mark}: ${feature} at ${target}: ${row[feature].reason} (${agent})`],
    ),
  );
  return [
    print(head),
    ...lines.map(print),
    '= as it is   ~ in other words, and told   r not carried, for the reason below   - the agent has none   X failed',
    ...new Set(reasons),
  ].join('\n');
}
