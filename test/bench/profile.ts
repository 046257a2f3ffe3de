/** Where a subject's main thread spends its time under load: the functions that run longest themselves, from V8's sampling profiler. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { table } from '../../gateway/cli.ts';

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
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

const functionsMax = 45;
const root = resolve(import.meta.dirname, '../..');

function tablesOf(profile: CpuProfile, { startUs, endUs }: Span): string {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const [functions, files] = [new Map<string, number>(), new Map<string, number>()];
  let at = profile.startTime;
  let busy = 0;
  for (const [i, id] of profile.samples.entries()) {
    const delta = profile.timeDeltas[i]!;
    at += delta;
    const frame = frames.get(id)!;
    if (at < startUs || at > endUs || frame.functionName === '(idle)') continue;
    busy += delta;
    const { functionName, url, lineNumber } = frame;
    const file = shortOf(url);
    add(functions, `${functionName || '(anonymous)'}  ${file}${file ? `:${lineNumber + 1}` : ''}`, delta);
    add(files, groupOf(file, functionName), delta);
  }
  const share = (map: ReadonlyMap<string, number>, max: number): readonly (readonly string[])[] =>
    [...map]
      .toSorted(([, a], [, b]) => b - a)
      .slice(0, max)
      .map(([name, us]) => [`${((100 * us) / busy).toFixed(1)} %`, name]);
  return [
    `Main thread busy for ${Math.round(busy / 1000)} of ${Math.round((endUs - startUs) / 1000)} ms.`,
    table(['self', 'function'], share(functions, functionsMax)),
    table(['self', 'file or package'], share(files, 30)),
  ].join('\n\n');
}

const add = (map: Map<string, number>, name: string, us: number): void => void map.set(name, (map.get(name) ?? 0) + us);

const shortOf = (url: string): string => url.replace(`file://${root}/`, '').replace(/^.*node_modules\//, 'node_modules/');

function groupOf(file: string, functionName: string): string {
  if (file === '') return functionName;
  const [, name] = /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file) ?? [];
  return name ?? file;
}
