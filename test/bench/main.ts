/** `npm run bench`: what this gateway costs beside a bare proxy, beside itself with nothing to do, and beside others. */
import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { allCells, type Cell, cellNamed, quickCells } from './cells.ts';
import { gateResultsOf } from './gates.ts';
import { idleStreams } from './idle-streams.ts';
import { orderOf, runLoad, type Sample, SubjectRun } from './measure.ts';
import { canPin, fileHere, forkNode, startNode, stopProcess, waitForOutput } from './processes.ts';
import { nowUs, ProfileFolder } from './profile.ts';
import { cellTable, gateTable, type PromiseCounts } from './report.ts';
import { installRivals, rivalNames } from './rivals/install.ts';
import { ours, type Subject, slow, subjectNamed } from './subjects.ts';

/** Streams that are silent: one run at the end, of this gateway alone. */
const idleName = 'idle-streams';
const idleCount = 4_096;

const usage = `npm run bench -- [options]
  --quick            base and SSE, 3 rounds, bare, off, on and embedded, within two minutes
  --rounds N         rounds (default: 5, with --quick 3)
  --cell NAME        only this cell; may be repeated: ${[...allCells.map(({ name }) => name), idleName].join(', ')}
  --subject NAME     only this subject; may be repeated: ${[...ours.map(({ name }) => name), ...rivalNames].join(', ')}
  --profile          no measuring: where the main thread of one subject (default: on) spends its time in one cell (default: base)
  --check            exit with 1 when a figure is worse than its gate by more than the noise, or a run is invalid
  --out FILE         every sample and every gate as JSON
`;

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    cell: { type: 'string', multiple: true, default: [] },
    subject: { type: 'string', multiple: true, default: [] },
    profile: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    out: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const logProgress = (line: string): void => void process.stderr.write(`${line}\n`);
const print = (text: string): void => void process.stdout.write(`${text}\n\n`);

function machine(): string {
  const pinned = canPin
    ? 'subject on core 0, upstream and load on core 1'
    : 'NOT PINNED (taskset or a second core is missing): expect noise';
  const model = cpus()[0]?.model.trim() ?? 'unknown CPU';
  return `${new Date().toISOString().slice(0, 16)}Z, Node ${process.version}, ${availableParallelism()} x ${model}, load ${loadavg()[0]!.toFixed(1)} at the start; ${pinned}`;
}

function chosenCells(): readonly Cell[] {
  if (options.cell.length === 0) return options.quick ? quickCells : allCells;
  return options.cell
    .filter(name => name !== idleName)
    .map(name => {
      const cell = cellNamed(name);
      if (!cell) throw new Error(`--cell ${name}: there is none of that name.\n\n${usage}`);
      return cell;
    });
}

interface Helpers {
  readonly upstream: string;
  readonly load: ChildProcess;
  end(): Promise<void>;
}

async function startHelpers(): Promise<Helpers> {
  const upstream = startNode('others', [fileHere('upstream.ts')], tmpdir(), 'inherit');
  const load = forkNode('others', fileHere('load.ts'));
  return {
    upstream: await waitForOutput(upstream, /(http:\S+)/),
    load,
    end: async () => {
      await Promise.all([stopProcess(upstream.child), stopProcess(load)]);
    },
  };
}

async function bench(cells: readonly Cell[], helpers: Helpers): Promise<number> {
  const isSelected = (name: string): boolean =>
    options.subject.length === 0 ? !(options.quick && slow.has(name)) : options.subject.includes(name);
  const isWished = (name: string): boolean => options.subject.includes(name) || (options.subject.length === 0 && !options.quick);
  const { rivals, leftOut } = await installRivals(isWished, logProgress);
  const subjects = [...ours.filter(({ name }) => isSelected(name)), ...rivals.map(({ subject }) => subject)];
  const about = machine();
  print([about, ...subjects.map(({ name, what }) => `  ${name}: ${what}`), ...leftOut.map(line => `  ${line}`)].join('\n'));
  const samples: Sample[] = [];
  const promises = new Map<string, number | undefined>();
  const rounds = Number(options.rounds ?? (options.quick ? 3 : 5));
  // A quick look starts everybody once; else each round has fresh processes, as what one has compiled is not what another has.
  const kept = new Map<string, SubjectRun>();
  for (let round = 1; round <= rounds; round++) {
    for (const subject of round % 2 === 1 ? subjects : subjects.toReversed()) {
      const session = kept.get(subject.name) ?? (await SubjectRun.start(subject, helpers));
      await session.measure(cells, round, sample => {
        samples.push(sample);
        const { cell, cpuUsPerRequest, invalid } = sample;
        const figure = invalid === undefined ? `${cpuUsPerRequest.toFixed(0)} µs CPU per request` : `INVALID: ${invalid}`;
        logProgress(`round ${round} of ${rounds}  ${subject.name}  ${cell}  ${figure}`);
      });
      if (round === rounds) for (const cell of cells) promises.set(`${subject.name} ${cell.name}`, await session.promisesPerRequest(cell));
      if (options.quick) kept.set(subject.name, session);
      else await session.end();
    }
  }
  for (const session of kept.values()) await session.end();
  for (const rival of rivals) rival.remove();
  return conclude(about, cells, subjects, samples, promises);
}

function conclude(
  about: string,
  cells: readonly Cell[],
  subjects: readonly Subject[],
  samples: readonly Sample[],
  promises: PromiseCounts,
): number {
  const names = subjects.map(({ name }) => name);
  for (const cell of cells) print(cellTable(cell, names, samples, promises));
  const verdicts = gateResultsOf(samples);
  if (verdicts.length > 0) print(gateTable(verdicts));
  const invalid = samples.filter(sample => sample.invalid !== undefined);
  if (invalid.length > 0) print(invalid.map(s => `INVALID: ${s.subject}, ${s.cell}, round ${s.round}: ${s.invalid}`).join('\n'));
  if (options.out) {
    const whats = Object.fromEntries(subjects.map(({ name, what }) => [name, what]));
    writeFileSync(
      options.out,
      `${JSON.stringify({ machine: about, subjects: whats, cells, samples, promises: Object.fromEntries(promises), gates: verdicts }, null, 2)}\n`,
    );
  }
  const isOurs = ({ subject }: Sample): boolean => subjectNamed(subject) !== undefined;
  return options.check && (invalid.some(isOurs) || verdicts.some(({ verdict }) => verdict === 'missed')) ? 1 : 0;
}

async function profile(cell: Cell, { upstream, load }: Helpers): Promise<void> {
  const subject = subjectNamed(options.subject[0] ?? 'on');
  if (!subject) throw new Error(`--profile knows ${ours.map(({ name }) => name).join(', ')}.`);
  using folder = new ProfileFolder();
  const running = await subject.start(upstream, folder.nodeOptions);
  const order = orderOf(running, cell);
  await runLoad(load, { ...order, requests: cell.warmup });
  const startUs = nowUs();
  const { failed, firstFailure } = await runLoad(load, { ...order, requests: 2 * cell.requests });
  const endUs = nowUs();
  await running.end();
  if (failed > 0) throw new Error(`${failed} requests failed: ${firstFailure}`);
  print(`${machine()}\nProfile of ${subject.name} in the cell ${cell.name}`);
  print(folder.tables({ startUs, endUs }));
}

if (options.help) {
  print(usage);
} else {
  const cells = chosenCells();
  const helpers = await startHelpers();
  if (options.profile) await profile(cells[0]!, helpers);
  else {
    if (cells.length > 0) process.exitCode = await bench(cells, helpers);
    if (options.cell.includes(idleName) || (options.cell.length === 0 && !options.quick)) print(await idleStreams(helpers, idleCount));
  }
  await helpers.end();
}
