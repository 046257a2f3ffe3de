/** `hindcast eval watch`: whether the audits of a route contradict its certificate. */
import { relative, resolve } from 'node:path';
import { CommandError, exit, loadSettings, note } from '../../../gateway/cli/command.ts';
import { openBreaches } from '../../../gateway/cli/open-state.ts';
import type { Instant, Milliseconds } from '../../../gateway/core/shared/time.ts';
import { wallClock } from '../../../gateway/settings/clock.ts';
import type { Settings } from '../../../gateway/settings/settings.ts';
import type { BreachStore } from '../../../gateway/targets/breach-store.ts';
import { writeAudit } from '../../../recorder/audit/write.ts';
import type { Store } from '../../../recorder/store/store.ts';
import { lookAt, type WatchPlan, watchStart } from '../../certify/watch.ts';
import { type WatchReport, watchReport, watchText } from '../../report/certificate/watch.ts';
import type { SharedOptions } from '../shared/options.ts';
import { withStore } from '../shared/store-outcomes.ts';
import { loadWatchedRequests } from '../shared/watched-requests.ts';
import { readCertificate } from './certificate-file.ts';

export interface WatchOptions extends SharedOptions {
  readonly once?: boolean;
}

const lookEveryMs: Milliseconds = 60_000;
/** A conversation has ended when nothing came for so long. */
const idleMs: Milliseconds = 30 * 60_000;
/** Answers are compared when they are read; scores are given later. */
const labelsWithinMs = { agreement: 3_600_000, scores: 24 * 3_600_000 } as const;

interface Watched {
  readonly route: string;
  readonly file: string;
  readonly score: string | undefined;
}

/** What is known of one certificate; a new one in the file starts anew. */
interface Progress {
  readonly issuedAt: string;
  readonly settled: ReturnType<typeof watchStart>;
  readonly settledUntil: Instant;
}

export async function runWatch(file: string | undefined, options: WatchOptions): Promise<number> {
  const settings = loadSettings(options);
  const watched = watchedOf(settings, file);
  if (options.once || file !== undefined) for (const one of watched) planOf(settings, one);
  return withStore(settings, async store => {
    const breaches = await openBreaches(settings, problem => note(`the Redis of state.url: ${problem}`));
    const stopping = stopSignal();
    const watches = watched.map(one => new CertificateWatch(settings, one, store, breaches));
    try {
      for (;;) {
        const reports: WatchReport[] = [];
        for (const watch of watches) {
          const report = options.once ? await watch.look() : await watch.lookIfPossible();
          if (report) reports.push(report);
        }
        for (const report of reports) print(options, report);
        const isDecided = reports.length === watches.length && reports.every(({ state }) => state === 'breach');
        if (options.once || stopping.isStopped() || isDecided) return codeOf(reports);
        await stopping.within(lookEveryMs);
        if (stopping.isStopped()) return codeOf(reports);
      }
    } finally {
      stopping.dispose();
      await breaches.close();
    }
  });
}

const print = (options: WatchOptions, report: WatchReport): void => {
  process.stdout.write(`${options.json ? JSON.stringify(report) : watchText(report)}\n`);
};

const codeOf = (reports: readonly WatchReport[]): number =>
  reports.some(({ state }) => state === 'breach')
    ? exit.failed
    : reports.some(({ state }) => state === 'too_few')
      ? exit.inconclusive
      : exit.pass;

/** The certificate that is named, for its route; without a name those that are monitored, or else all that routes have. */
function watchedOf(settings: Settings, file: string | undefined): readonly Watched[] {
  const configured = [...(settings.certificates ?? [])].map(([route, entry]) => ({ ...entry, route }));
  if (file !== undefined) {
    const named = configured.find(entry => entry.file === resolve(file));
    const { chain } = readCertificate(file);
    if (named) return [{ route: named.route, file, score: named.score }];
    if (settings.routes.has(chain)) return [{ route: chain, file, score: undefined }];
    throw new CommandError(exit.usage, `${file} is of ${chain}, which is no route, and no route has it as its certificate.`);
  }
  const monitored = configured.filter(({ isMonitored }) => isMonitored);
  const all = monitored.length > 0 ? monitored : configured;
  if (all.length === 0)
    throw new CommandError(
      exit.nothing,
      'No route has a certificate: routes.NAME.certificate: { file: certificate.json, monitor: audit }.',
    );
  return all.map(({ route, file: absolute, score }) => ({ route, file: relative(process.cwd(), absolute), score }));
}

/** @throws CommandError when the certificate cannot be watched. */
function planOf(settings: Settings, { route, file, score }: Watched) {
  const certificate = readCertificate(file);
  const { loss, lossMax, confidence, conversationCap, targets, quality, issuedAt } = certificate;
  if (loss !== 'harm')
    throw new CommandError(exit.usage, `${file} bounds the net loss; audits watch harm alone: hindcast eval certify --loss harm.`);
  const chance = settings.routes.get(route)?.copies?.auditProbability ?? 0;
  if (chance === 0) throw new CommandError(exit.usage, `routes.${route} draws no audits: audit_probability: 0.03 does.`);
  const plan: WatchPlan = { bound: lossMax, alpha: 1 - confidence, chance, conversationCap, idleMs };
  return { plan, issuedAt, targets, quality: score ?? quality };
}

class CertificateWatch {
  readonly #settings: Settings;
  readonly #watched: Watched;
  readonly #store: Store;
  readonly #breaches: BreachStore;
  #progress: Progress | undefined;
  #problem: string | undefined;

  constructor(settings: Settings, watched: Watched, store: Store, breaches: BreachStore) {
    this.#settings = settings;
    this.#watched = watched;
    this.#store = store;
    this.#breaches = breaches;
  }

  /** Undefined, and a note the first time, while the certificate cannot be watched: it may be being written, and others are to be watched all the same. */
  async lookIfPossible(): Promise<WatchReport | undefined> {
    try {
      const report = await this.look();
      this.#problem = undefined;
      return report;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      if (this.#problem !== error.message) note(error.message);
      this.#problem = error.message;
      return undefined;
    }
  }

  /** Reads what came since the last look. A breach is kept where every gateway reads it, and audited once. */
  async look(): Promise<WatchReport> {
    const { route, file } = this.#watched;
    const { plan, issuedAt, targets, quality } = planOf(this.#settings, this.#watched);
    const before =
      this.#progress?.issuedAt === issuedAt
        ? this.#progress
        : { issuedAt, settled: watchStart(plan), settledUntil: Math.ceil(Date.parse(issuedAt)) };
    const requests = await loadWatchedRequests(this.#store, this.#settings, { route, targets, quality }, before.settledUntil);
    const now = wallClock.now();
    const waitMs = quality === 'agreement' ? labelsWithinMs.agreement : labelsWithinMs.scores;
    const look = lookAt(plan, before, requests, { now, waitUntil: now - waitMs });
    this.#progress = { issuedAt, settled: look.settled, settledUntil: look.settledUntil };
    const report = watchReport({ route, certificate: file, issuedAt, at: now }, plan, look.now);
    if (report.state === 'breach') await this.#breach(report);
    const known = (await this.#breaches.all()).some(breach => breach.route === route && breach.issuedAt === issuedAt);
    return known ? { ...report, state: 'breach' } : report;
  }

  async #breach({
    route,
    certificate,
    issued_at: issuedAt,
    at,
    evidence_max: evidence,
    labelled,
    harm,
    bound,
  }: WatchReport): Promise<void> {
    const breach = { route, issuedAt, at: Date.parse(at), evidence, audited: labelled, harm: harm ?? 0, bound };
    if (!(await this.#breaches.add(breach))) return;
    const detail = { certificate, issued_at: issuedAt, evidence, audited: labelled, harm, bound };
    await writeAudit(this.#store, this.#settings.store.path, { action: 'certificate-breached', tenant: '', subject: route, detail });
  }
}

const signals = ['SIGINT', 'SIGTERM'] as const;

/** A signal ends the watch after its look, and so does the end of the gateway that started it. */
function stopSignal() {
  const { promise, resolve: stop } = Promise.withResolvers<void>();
  let isStopped = false;
  const onSignal = (): void => {
    isStopped = true;
    stop();
  };
  for (const signal of signals) process.on(signal, onSignal);
  process.once('disconnect', onSignal);
  return {
    isStopped: () => isStopped,
    within: async (ms: Milliseconds): Promise<void> => {
      const elapsed = Promise.withResolvers<void>();
      const timer = setTimeout(elapsed.resolve, ms);
      await Promise.race([promise, elapsed.promise]);
      clearTimeout(timer);
    },
    dispose: () => {
      for (const signal of signals) process.off(signal, onSignal);
      process.off('disconnect', onSignal);
    },
  };
}
