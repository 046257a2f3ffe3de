/** Every agent at every target: what works, what is told, and why the rest does not. */
import type { RunningGateway } from '../gateway/harness.ts';
import { startGateway } from '../gateway/harness.ts';
import { type Fault, type StrictTarget, startStrictTarget, type TargetName, targetAccounts, targetNames } from './strict-target.ts';
import { playTranscript, type Session, type Transcript } from './transcripts.ts';

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
export async function startBench(): Promise<Bench> {
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
  const gateway = await startGateway(`providers:\n${targetNames.map(account).join('\n')}\nroutes:\n${routes.join('\n')}\n`);
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
}

async function play(bench: Bench, transcript: Transcript, target: TargetName, route: string, fault?: Fault): Promise<Played> {
  const script = { turns: transcript.turns, finalText, longIds: true };
  bench.targets[target].play(script, fault);
  bench.targets[spareOf[target]].play(script);
  try {
    return { session: await playTranscript(transcript, bench.gateway.url, route) };
  } catch (problem) {
    const refusals = [target, spareOf[target]].flatMap(name =>
      bench.targets[name].seen.flatMap(({ refusal }) => (refusal ? [`${name}: ${refusal}`] : [])),
    );
    return { problem: [...refusals, problem instanceof Error ? problem.message : String(problem)].join('; ').slice(0, 300) };
  }
}

/** The calls that the agent got are those that the model made, in the agent's own form. */
function isFaithful({ turns }: Transcript, { calls, text }: Session): boolean {
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
export async function rowOf(bench: Bench, transcript: Transcript, target: TargetName): Promise<Row> {
  const { has, turns } = transcript;
  const plain = await play(bench, transcript, target, `to-${target}`);
  const seen = [...bench.targets[target].seen];
  const told = plain.session?.warnings.join() ?? '';
  const failed: Cell = { mark: 'X', reason: plain.problem ?? 'the calls differ' };
  const isGood = plain.session !== undefined && isFaithful(transcript, plain.session);
  const base = (cell: Cell): Cell => (isGood ? cell : failed);
  const lastTurn = turns.length;
  const cut = await play(bench, transcript, target, `to-${target}`, { turn: lastTurn, kind: 'cut' });
  const isCutGood = cut.session !== undefined && isFaithful(transcript, cut.session) && cut.session.broken === 1;
  const fallback = await play(bench, transcript, target, `to-${target}-spare`, { turn: lastTurn, kind: 'down' });
  const isFallbackGood = fallback.session !== undefined && isFaithful(transcript, fallback.session);
  return {
    tools: turns.length === 0 ? none : base({ mark: '=' }),
    'freeform tools': has.freeform ? base(asTold(/tools\[\d+\]/.test(told) && !['responses', 'openai'].includes(target))) : none,
    thinking: has.thinking
      ? base(
          thinkingCell(
            transcript,
            target,
            seen.some(({ hasOwnReasoning }) => hasOwnReasoning),
          ),
        )
      : none,
    'long ids': has.longIds ? base(asTold(/user|tools\[\d+\]/.test(told))) : none,
    'several system prompts': has.systemPrompts ? base(asTold(/messages\[|input\[|system|instructions/.test(told))) : none,
    'cut stream': isCutGood ? { mark: '=' } : { mark: 'X', reason: cut.problem ?? `${cut.session?.broken} breaks seen` },
    fallback: isFallbackGood ? { mark: '=' } : { mark: 'X', reason: fallback.problem ?? 'the calls differ' },
  };
}

/** Reasoning comes back to its maker where maker and agent keep it. */
function thinkingCell({ api }: Transcript, target: TargetName, hasReturned: boolean): Cell {
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
