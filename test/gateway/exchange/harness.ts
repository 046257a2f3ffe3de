/** Asks questions of scripted upstreams as the gateway would, with everything real but the caller and the store, which are kept in memory. */
import { randomUUID } from 'node:crypto';
import type { ChatRequest } from '../../../gateway/core/chat/chat.ts';
import { scanObject } from '../../../gateway/core/chat/json.ts';
import type { Provider } from '../../../gateway/core/chat/provider.ts';
import { type Exchange, type ExchangeSink, seal } from '../../../gateway/core/exchange.ts';
import type { RoutePolicy, RouteStep } from '../../../gateway/core/routing/router.ts';
import type { Clock } from '../../../gateway/core/shared/time.ts';
import type { TargetHealthMap } from '../../../gateway/core/targets/health.ts';
import { chooseKey } from '../../../gateway/core/targets/key-cooldowns.ts';
import type { Observation } from '../../../gateway/core/targets/observation.ts';
import type { RateLimitPolicy } from '../../../gateway/core/targets/rate-limits.ts';
import { openaiChat } from '../../../gateway/dialects/openai.ts';
import type { ExecutionEnvironment, ResponseHead, ResponseSink, RoutedRequest, Target } from '../../../gateway/exchange/contract.ts';
import { execute } from '../../../gateway/exchange/execute.ts';
import { openai } from '../../../gateway/providers/openai.ts';
import { wallClock } from '../../../gateway/settings/clock.ts';
import { Secret } from '../../../gateway/settings/secret.ts';
import { type Account, type RoutingSettings, routingDefaults } from '../../../gateway/settings/settings.ts';
import { TargetRegistry } from '../../../gateway/targets/registry.ts';
import { httpUpstream } from '../../../gateway/transport/upstream.ts';

/** `A` is a target `A/m` at this address. */
export interface UpstreamOptions {
  readonly url: string;
  readonly keys?: readonly string[];
  readonly provider?: Provider;
  readonly limits?: RateLimitPolicy;
}

export interface ExecutionHarnessOptions {
  readonly upstreams: Readonly<Record<string, UpstreamOptions>>;
  readonly sink?: Partial<ExchangeSink>;
  readonly clock?: Clock;
  readonly streamIdleMs?: number;
  readonly routing?: RoutingSettings;
}

/** A gateway without its server. `await using` closes its connections. */
export class ExecutionHarness implements AsyncDisposable {
  readonly recorded: Exchange[] = [];
  readonly observed: Observation[] = [];
  readonly state = new TargetRegistry();
  readonly environment: ExecutionEnvironment;
  readonly #upstream = httpUpstream();

  constructor({ upstreams, sink, clock = wallClock, streamIdleMs, routing = routingDefaults }: ExecutionHarnessOptions) {
    const keysOf = (name: string): readonly Secret[] => (upstreams[name]!.keys ?? ['sk-test-of-the-upstream']).map(key => new Secret(key));
    const accounts = Object.entries(upstreams).map(([name, { url, provider = openai, limits }]): [string, Account] => {
      const account = { name, provider, baseUrl: url, keys: keysOf(name), allowPrivate: true, trace: true };
      return [name, { ...account, ...(limits ? { limits: { account: limits, models: new Map() } } : {}) }];
    });
    this.state.configure(new Map(accounts), routing, clock);
    this.environment = {
      clock,
      upstream: this.#upstream,
      sink: {
        record: async exchange => {
          this.recorded.push(exchange);
          return seal();
        },
        refusal: () => undefined,
        dropped: 0,
        close: async () => {},
        ...sink,
      },
      targetOf: (target, seed): Target => {
        const name = target.split('/', 1)[0]!;
        const { url, provider = openai } = upstreams[name]!;
        const key = chooseKey({ name, keys: keysOf(name) }, this.state.keyCooldowns, seed, clock.now());
        return { providerName: name, provider, model: 'm', baseUrl: url, key, allowPrivate: true, trace: true };
      },
      coolingDown: at => this.state.cooldowns(at),
      viewTargets: (targets, wants, at) => this.state.view(targets, wants, at),
      enqueue: (target, wants, admitted) => this.state.enqueue(target, wants, admitted),
      observe: seen => {
        this.observed.push(seen);
        this.state.observe(seen);
      },
      priceOf: () => ({ id: 'test/m', input: 1e9, output: 2e9 }),
      newSpanId: () => randomUUID().replaceAll('-', '').slice(0, 16),
      ...(streamIdleMs === undefined ? {} : { streamIdleMs }),
    };
  }

  get fleet(): TargetHealthMap {
    return this.state.health;
  }

  set fleet(fleet: TargetHealthMap) {
    this.state.health.clear();
    for (const [target, health] of fleet) this.state.health.set(target, health);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#upstream.close();
  }

  /** Asks, and waits for the record. */
  async execute(request: ExecutionRequest = {}): Promise<ExecutionResult> {
    const execution = this.start(request);
    const exchange = await execution.done;
    return { exchange, ...execution.reader };
  }

  start(request: ExecutionRequest = {}) {
    const responseSink = new MemoryResponseSink(request.bufferedMax ?? Number.POSITIVE_INFINITY);
    const execution = execute(routedRequestOf(request, this.environment.clock.now()), this.environment, responseSink);
    return Object.assign(execution, { reader: responseSink });
  }
}

export interface ExecutionRequest {
  /** The caller's JSON, text or object. */
  readonly body?: string | Readonly<Record<string, unknown>>;
  /** `A`, or a step for it. */
  readonly chain?: readonly (string | (Partial<RouteStep> & { readonly target: string }))[];
  readonly deadlineMs?: number;
  readonly routedRequest?: Partial<RoutedRequest>;
  /** How many characters the caller reads before it pauses. */
  readonly bufferedMax?: number;
}

export const hello = { model: 'm-fast', messages: [{ role: 'user', content: 'hi' }] };
export const helloStream = { ...hello, stream: true };

export function routedRequestOf(
  { body = hello, chain = ['A'], deadlineMs = 10_000, routedRequest }: ExecutionRequest,
  receivedAt: number,
): RoutedRequest {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const scan = scanObject(text);
  if (!scan.ok) throw new Error(scan.problem.message);
  const chat = openaiChat.parseRequest(scan.value);
  if ('problem' in chat) throw new Error(chat.problem.message);
  const steps = chain.map(step => ({
    timeoutMs: 2_000,
    retries: 0,
    backoffMs: 100,
    ...(typeof step === 'string' ? { target: step } : step),
  }));
  const policy: RoutePolicy = { name: 'test', deadlineMs, steps: steps.map(step => ({ ...step, target: `${step.target}/m` })) };
  const streamOptions = scan.value.stream_options as { include_usage?: boolean } | undefined;
  return {
    id: randomUUID(),
    receivedAt,
    caller: { tenant: 'default', project: '', user: '', key: '', requestId: '', conversation: '', tags: {} },
    trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), parentSpanId: '' },
    dialect: openaiChat,
    policy,
    onUnsupported: 'warn',
    configHash: '0123456789abcdef',
    chat: chat as ChatRequest,
    raw: { text, value: scan.value, members: scan.members },
    body: Buffer.from(text),
    headers: {},
    includeUsage: streamOptions?.include_usage === true,
    ...routedRequest,
  };
}

/** A head with its fields by name. */
export type ReadHead = Omit<ResponseHead, 'headers'> & { readonly headers: Readonly<Record<string, string>> };

const readHead = ({ status, contentType, headers: fields }: ResponseHead): ReadHead => ({
  status,
  contentType,
  headers: Object.fromEntries(fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1]!]] : []))),
});

export class MemoryResponseSink implements ResponseSink {
  head: ReadHead | undefined;
  text = '';
  ended: 'end' | 'fail' | undefined;
  readonly #buffered: number;
  readonly #waiting: (() => void)[] = [];

  constructor(buffered: number) {
    this.#buffered = buffered;
  }

  get headSent(): boolean {
    return this.head !== undefined;
  }

  sendHead(head: ResponseHead): void {
    this.head = readHead(head);
  }

  write(bytes: Buffer): boolean {
    this.text += bytes.toString();
    for (const wake of this.#waiting.splice(0)) wake();
    return this.text.length < this.#buffered;
  }

  end(bytes: Buffer, head: ResponseHead): void {
    this.#finish('end', bytes.toString(), head);
  }

  fail(text: string, head: ResponseHead): void {
    this.#finish('fail', text, head);
  }

  /** Settles with the next bytes. */
  next(): Promise<void> {
    return new Promise(resolve => this.#waiting.push(resolve));
  }

  #finish(ended: 'end' | 'fail', text: string, head: ResponseHead): void {
    if (this.ended) throw new Error('an answer ends once');
    this.ended = ended;
    this.text += text;
    this.head ??= readHead(head);
  }
}

export interface ExecutionResult {
  readonly exchange: Exchange;
  readonly head: ReadHead | undefined;
  readonly text: string;
  readonly ended: 'end' | 'fail' | undefined;
}

/** What a caller makes of a stream: its texts joined, its ids, its last word. */
export function readStream(text: string) {
  const events = text.split('\n\n').flatMap(block => (block.startsWith('data: ') ? [block.slice(6)] : []));
  const isDone = events.at(-1) === '[DONE]';
  const parsed = events.filter(data => data !== '[DONE]').map(data => JSON.parse(data));
  const chunks = parsed.filter(data => !data.error);
  const choices = chunks.flatMap(chunk => chunk.choices);
  return {
    chunks,
    content: choices.map(choice => choice.delta.content ?? '').join(''),
    roles: choices.filter(choice => choice.delta.role).length,
    finishes: choices.flatMap(choice => (choice.finish_reason ? [choice.finish_reason] : [])),
    ids: [...new Set(chunks.map(chunk => chunk.id))],
    usages: chunks.flatMap(chunk => (chunk.usage ? [chunk.usage] : [])),
    terminal: isDone ? ('done' as const) : ('none' as const),
    errors: parsed.flatMap(data => (data.error ? [data.error] : [])),
    count: events.length,
  };
}
