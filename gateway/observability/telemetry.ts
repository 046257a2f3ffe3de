/** Exports spans by OTLP/HTTP: a bounded queue, one batch at a time, and no request that ever waits for it. */
import { ExportResultCode, parseKeyPairsIntoRecord } from '@opentelemetry/core';
import type { Exchange } from '../core/exchange.ts';
import type { TraceContext } from '../settings/ids.ts';
import type { Log } from '../settings/log.ts';
import { version } from '../settings/version.ts';
import { createSpanExporter, type SpanExporter } from './span-exporter.ts';
import { type SpanDetails, type SpanSettings, type SpanTexts, spansOf } from './spans.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface Telemetry {
  /** Whether this trace is exported, so that those after us in it do alike. */
  isSampled(context: TraceContext): boolean;
  /** Whether this request is: beside what is sampled, whatever failed or was slow, where the sampler takes a share only. */
  shouldExport(context: TraceContext, exchange: Exchange): boolean;
  record(exchange: Exchange, details: SpanDetails): void;
  readonly counts: { readonly exported: number; readonly dropped: number };
  /** Sends what is queued, for at most a few seconds, and ends. */
  close(): Promise<void>;
}

export interface TelemetryOptions {
  /** Base URL of the receiver, before the standard variables. */
  readonly otlp: string | undefined;
  readonly environment: Environment;
  /** Content may be on spans, where the standard variable enables it. */
  readonly mayHoldContent: boolean;
  readonly log: Log;
}

const spansMax = 8_192;
const batchMax = 512;
const batchEveryMs = 1_000;
const closeMsMax = 3_000;
const slowMs = 10_000;

const off: Telemetry = {
  isSampled: context => context.sampled ?? true,
  shouldExport: () => false,
  record: () => {},
  counts: { exported: 0, dropped: 0 },
  close: async () => {},
};

/** Off unless a receiver is named by the config or by the standard OTEL_* variables. */
export function createTelemetry({ otlp, environment, mayHoldContent, log }: TelemetryOptions): Telemetry {
  const hasEndpoint = otlp ?? environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? environment.OTEL_EXPORTER_OTLP_ENDPOINT;
  const isDisabled = isTrue(environment.OTEL_SDK_DISABLED) || environment.OTEL_TRACES_EXPORTER === 'none';
  if (!hasEndpoint || isDisabled) return off;
  const protocol = environment.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? environment.OTEL_EXPORTER_OTLP_PROTOCOL ?? 'http/json';
  if (!protocol.startsWith('http/')) log.warn(`traces go out as OTLP over HTTP with JSON; ${protocol} is not spoken`);
  const url = otlp === undefined ? {} : { url: `${otlp.replace(/\/+$/, '')}/v1/traces` };
  const exporter = createSpanExporter(url, resourceFrom(environment), scope);
  const capturesContent = isTrue(environment.OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT);
  if (capturesContent && !mayHoldContent) log.warn('spans hold no content, because records are redacted or hold none');
  const origin: SpanSettings = {
    capturesContent: capturesContent && mayHoldContent,
    includesTags: mayHoldContent,
  };
  return new SpanQueue(exporter, samplerFrom(environment, log), origin, log);
}

const isTrue = (value: string | undefined): boolean => value?.trim().toLowerCase() === 'true';
const scope = { name: 'hindcast', version: version() };

class SpanQueue implements Telemetry {
  readonly counts = { exported: 0, dropped: 0 };
  readonly #sampler: Sampler;
  readonly #exporter: Promise<SpanExporter>;
  readonly #origin: SpanSettings;
  readonly #log: Log;
  #queue: SpanTexts[] = [];
  /** Spans in the queue. */
  #queuedSpans = 0;
  #sending: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isFailing = false;

  constructor(exporter: Promise<SpanExporter>, sampler: Sampler, origin: SpanSettings, log: Log) {
    this.#exporter = exporter;
    this.#sampler = sampler;
    this.#origin = origin;
    this.#log = log;
  }

  isSampled(context: TraceContext): boolean {
    return this.#sampler(context) === 'all';
  }

  shouldExport(context: TraceContext, { outcome, receivedAt, endedAt }: Exchange): boolean {
    const sampled = this.#sampler(context);
    return sampled === 'all' || (sampled === 'notable' && (outcome !== 'ok' || endedAt - receivedAt >= slowMs));
  }

  record(exchange: Exchange, details: SpanDetails): void {
    const spans = spansOf(exchange, details, this.#origin);
    if (this.#queuedSpans + spans.count > spansMax) {
      this.counts.dropped += spans.count;
      return;
    }
    this.#queue.push(spans);
    this.#queuedSpans += spans.count;
    if (this.#queuedSpans >= batchMax) this.#send();
    else this.#timer ??= setTimeout(() => this.#send(), batchEveryMs).unref();
  }

  async close(): Promise<void> {
    const deadline = new Promise<void>(resolve => setTimeout(resolve, closeMsMax).unref());
    const drained = (async () => {
      while (this.#queue.length > 0 || this.#sending) await (this.#sending ?? this.#send());
    })();
    await Promise.race([drained, deadline]);
    clearTimeout(this.#timer);
    this.counts.dropped += this.#queuedSpans;
    this.#queue = [];
    this.#queuedSpans = 0;
    await Promise.race([this.#exporter.then(exporter => exporter.shutdown()).catch(() => {}), deadline]);
  }

  #send(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#sending) return this.#sending;
    const { batch, count } = this.#takeBatch();
    this.#sending = this.#export(batch).then(problem => {
      this.#sending = undefined;
      this.#recordOutcome(count, problem);
      if (this.#queuedSpans >= batchMax) this.#send();
      else if (this.#queue.length > 0) this.#timer ??= setTimeout(() => this.#send(), batchEveryMs).unref();
    });
    return this.#sending;
  }

  /** As many as one request may hold, and at least one exchange's. */
  #takeBatch(): { readonly batch: SpanTexts[]; readonly count: number } {
    let [taken, count] = [0, 0];
    while (taken < this.#queue.length && (taken === 0 || count + this.#queue[taken]!.count <= batchMax))
      count += this.#queue[taken++]!.count;
    this.#queuedSpans -= count;
    return { batch: this.#queue.splice(0, taken), count };
  }

  /** What went wrong; undefined when nothing did. */
  async #export(batch: SpanTexts[]): Promise<string | undefined> {
    try {
      const exporter = await this.#exporter;
      const result = await new Promise<{ code: ExportResultCode; error?: Error }>(resolve => exporter.export(batch, resolve));
      return result.code === ExportResultCode.SUCCESS ? undefined : (result.error?.message ?? 'refused');
    } catch (error) {
      return String(error);
    }
  }

  #recordOutcome(spans: number, problem: string | undefined): void {
    if (problem === undefined) this.counts.exported += spans;
    else this.counts.dropped += spans;
    const isFailing = problem !== undefined;
    if (isFailing && !this.#isFailing) this.#log.warn(`spans cannot be exported: ${problem.slice(0, 200)}`);
    if (!isFailing && this.#isFailing) this.#log.info('spans are exported again');
    this.#isFailing = isFailing;
  }
}

const resourceFrom = (environment: Environment): Readonly<Record<string, string>> => ({
  'service.name': 'hindcast',
  'service.version': scope.version,
  ...parseKeyPairsIntoRecord(environment.OTEL_RESOURCE_ATTRIBUTES),
  ...(environment.OTEL_SERVICE_NAME ? { 'service.name': environment.OTEL_SERVICE_NAME } : {}),
});

/** What of a trace is exported: all of it, only what failed or was slow, nothing. */
export type Sampling = 'all' | 'notable' | 'none';
export type Sampler = (context: TraceContext) => Sampling;

/** By OTEL_TRACES_SAMPLER; by default what the caller decided, and everything that starts here. */
export function samplerFrom(environment: Environment, log: Pick<Log, 'warn'>): Sampler {
  const name = environment.OTEL_TRACES_SAMPLER ?? 'parentbased_always_on';
  const argument = Number(environment.OTEL_TRACES_SAMPLER_ARG ?? 1);
  const ratio = argument >= 0 && argument <= 1 ? argument : 1;
  const roots: Readonly<Record<string, Sampler>> = {
    always_on: () => 'all',
    always_off: () => 'none',
    // The last 56 bits of a trace id are random (W3C trace context, level 2), so every service that asks them decides alike.
    traceidratio: ({ traceId }) => (Number.parseInt(traceId.slice(-14), 16) / 2 ** 56 >= 1 - ratio ? 'all' : 'notable'),
  };
  const root = roots[name.replace(/^parentbased_/, '')];
  if (!root) {
    log.warn(`OTEL_TRACES_SAMPLER=${name.slice(0, 40)} is not known; every trace is sampled`);
    return roots.always_on!;
  }
  if (!name.startsWith('parentbased_')) return root;
  return context => (context.sampled === undefined ? root(context) : context.sampled ? 'all' : 'none');
}
