/** Where a subject's main thread spends its time under load: the functions that run longest themselves, from V8's sampling profiler. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { table } from '../../gateway/cli/command.ts';

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly children?: readonly number[];
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  /** Microseconds of the monotonic clock. */
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface Span {
  readonly startUs: number;
  readonly endUs: number;
}

export const nowUs = (): number => Number(process.hrtime.bigint() / 1000n);

/** A folder for the profile that node writes when it ends. */
export class ProfileFolder implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'hindcast-profile-'));

  get nodeOptions(): readonly string[] {
    return ['--cpu-prof', '--cpu-prof-interval=200', `--cpu-prof-dir=${this.#folder}`];
  }

  /** Of what ran within `span`. */
  tables(span: Span): string {
    const file = readdirSync(this.#folder).find(name => name.endsWith('.cpuprofile'));
    if (!file) return 'The subject wrote no profile.';
    return tablesOf(JSON.parse(readFileSync(join(this.#folder, file), 'utf8')) as CpuProfile, span);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const rowsMax = 90;
const root = resolve(import.meta.dirname, '../..');

function tablesOf(profile: CpuProfile, { startUs, endUs }: Span): string {
  const parents = new Map(profile.nodes.flatMap(({ id, children = [] }) => children.map(child => [child, id] as const)));
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const [functions, files, totals] = [new Map<string, number>(), new Map<string, number>(), new Map<string, number>()];
  let at = profile.startTime;
  let busy = 0;
  for (const [i, id] of profile.samples.entries()) {
    const delta = profile.timeDeltas[i]!;
    at += delta;
    const { name, group } = names.get(id)!;
    if (at < startUs || at > endUs || name === '(idle)') continue;
    busy += delta;
    add(functions, name, delta);
    add(files, group, delta);
    const stack = new Set<string>();
    for (let node: number | undefined = id; node !== undefined; node = parents.get(node)) {
      const { name, isOurs } = names.get(node)!;
      if (isOurs) stack.add(name);
    }
    for (const name of stack) add(totals, name, delta);
  }
  const share = (map: ReadonlyMap<string, number>): readonly (readonly string[])[] =>
    [...map]
      .toSorted(([, a], [, b]) => b - a)
      .slice(0, rowsMax)
      .map(([name, us]) => [`${((100 * us) / busy).toFixed(1)} %`, name]);
  return [
    `Main thread busy for ${Math.round(busy / 1000)} of ${Math.round((endUs - startUs) / 1000)} ms.`,
    table(['self', 'function'], share(functions)),
    table(['self', 'file or package'], share(files)),
    table(['with what it calls', 'function of ours'], share(totals)),
  ].join('\n\n');
}

const add = (map: Map<string, number>, name: string, us: number): void => void map.set(name, (map.get(name) ?? 0) + us);

function nameOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']) {
  const file = url.replace(`file://${root}/`, '').replace(/^.*node_modules\//, 'node_modules/');
  const [, dependency] = /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file) ?? [];
  return {
    name: `${functionName || '(anonymous)'}${file ? `  ${file}:${lineNumber + 1}` : ''}`,
    group: (dependency ?? file) || functionName,
    isOurs: /^(gateway|recorder)\//.test(file),
  };
}
