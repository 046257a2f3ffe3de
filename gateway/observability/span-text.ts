/** Spans as OTLP's JSON text, written into memory that is used again: byte for byte what OpenTelemetry's own serializer makes of the same span. */
import type { Instant } from '../core/shared/time.ts';
import { JsonBytes } from './json-bytes.ts';

/** OTLP's kinds of spans. */
export const spanKind = { internal: 1, server: 2, client: 3 } as const;

/** A value of an attribute; one that is undefined is left out. */
export type AttributeValue = string | number | boolean | readonly string[];

export interface SpanFrame {
  readonly name: string;
  readonly kind: (typeof spanKind)[keyof typeof spanKind];
  readonly traceId: string;
  readonly spanId: string;
  /** '' for none. */
  readonly parentSpanId: string;
  readonly isParentRemote?: boolean;
  /** As `tracestate` has it; undefined for none. */
  readonly traceState: string | undefined;
  readonly startedAt: Instant;
  readonly endedAt: Instant;
  /** What it failed of; it did not fail when absent. */
  readonly error?: string | undefined;
  /** JSON texts of events and links. */
  readonly events?: string;
  readonly links?: string;
}

/** W3C's flag for a sampled trace, and OTLP's bit that says whether it is known if the parent is of another process. */
const flags = 0x101;
const remoteParentFlag = 0x200;
const statusError = 2;

/** Whole numbers up to here are written digit by digit. */
const digitsMax = 1e15;

/** Collects spans as OTLP/JSON text in one buffer that is used again after each export. */
export class SpanWriter {
  readonly #to = new JsonBytes();
  /** Whether the next span, or the next attribute, is the first. */
  #isFirstSpan = true;
  #isFirstAttribute = true;

  /** All spans since the last call, with commas between them. */
  take(): Buffer {
    this.#isFirstSpan = true;
    return this.#to.take();
  }

  /** Its attributes come next, then `end` with the same frame. */
  begin(span: SpanFrame): void {
    const to = this.#to;
    to.raw(this.#isFirstSpan ? words.firstTraceId : words.traceId);
    to.text(span.traceId);
    to.raw(words.spanId);
    to.text(span.spanId);
    if (span.parentSpanId !== '') {
      to.raw(words.parentSpanId);
      to.text(span.parentSpanId);
    }
    if (span.traceState === undefined) to.raw(words.name);
    else {
      to.raw(words.traceState);
      to.string(span.traceState);
      to.raw(words.nameAfterState);
    }
    to.string(span.name);
    to.raw(words.kind);
    to.digits(span.kind);
    to.raw(words.startTime);
    this.#nanos(span.startedAt);
    to.raw(words.endTime);
    this.#nanos(span.endedAt);
    to.raw(words.attributes);
    this.#isFirstSpan = false;
    this.#isFirstAttribute = true;
  }

  end({ events = '', links = '', error, isParentRemote }: SpanFrame): void {
    if (events === '' && links === '' && error === undefined) {
      return this.#to.raw(isParentRemote ? words.endOfRemoteChild : words.end);
    }
    this.#to.text(endText(events, links, error, isParentRemote));
  }

  /** One attribute; nothing where the value is undefined. */
  attribute(key: string, value: AttributeValue | undefined): void {
    if (value === undefined) return;
    const to = this.#to;
    this.#key(key);
    if (typeof value === 'string') {
      to.raw(words.stringValue);
      to.string(value);
      to.raw(words.endOfValue);
    } else if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < digitsMax && !Object.is(value, -0)) {
      to.raw(words.intValue);
      to.digits(value);
      to.raw(words.endOfValue);
    } else {
      to.text(valueText(value));
      to.byte(closingBrace);
    }
  }

  /** The same for a text that needs no escape: an id, a name of ours. */
  plain(key: string, value: string): void {
    const to = this.#to;
    this.#key(key);
    to.raw(words.plainValue);
    to.text(value);
    to.raw(words.endOfPlainValue);
  }

  #key(key: string): void {
    const prefix = prefixOf(key);
    // The comma before it.
    if (!this.#isFirstAttribute) this.#to.byte(comma);
    this.#isFirstAttribute = false;
    this.#to.raw(prefix);
  }

  /** Of milliseconds with fractions: whole seconds and nine digits. */
  #nanos(ms: Instant): void {
    let seconds = Math.trunc(ms / 1000);
    let nanos = Math.round((ms - seconds * 1000) * 1e6);
    if (nanos >= 1e9) {
      seconds += 1;
      nanos -= 1e9;
    }
    this.#to.digits(seconds);
    this.#to.digits(nanos, 9);
  }
}

const comma = 0x2c;
const closingBrace = 0x7d;

function endText(events: string, links: string, error: string | undefined, isParentRemote = false): string {
  const status = error === undefined ? '{"code":0}' : `{"code":${statusError},"message":${JSON.stringify(error)}}`;
  return (
    `],"droppedAttributesCount":0,"events":[${events}],"droppedEventsCount":0,"status":${status},"links":[${links}]` +
    `,"droppedLinksCount":0,"flags":${isParentRemote ? flags | remoteParentFlag : flags}}`
  );
}

/** What stands between the values. */
const words = {
  firstTraceId: Buffer.from('{"traceId":"'),
  traceId: Buffer.from(',{"traceId":"'),
  spanId: Buffer.from('","spanId":"'),
  parentSpanId: Buffer.from('","parentSpanId":"'),
  traceState: Buffer.from('","traceState":'),
  name: Buffer.from('","name":'),
  nameAfterState: Buffer.from(',"name":'),
  kind: Buffer.from(',"kind":'),
  startTime: Buffer.from(',"startTimeUnixNano":"'),
  endTime: Buffer.from('","endTimeUnixNano":"'),
  attributes: Buffer.from('","attributes":['),
  end: Buffer.from(endText('', '', undefined)),
  endOfRemoteChild: Buffer.from(endText('', '', undefined, true)),
  stringValue: Buffer.from('{"stringValue":'),
  intValue: Buffer.from('{"intValue":'),
  endOfValue: Buffer.from('}}'),
  plainValue: Buffer.from('{"stringValue":"'),
  endOfPlainValue: Buffer.from('"}}'),
};

/** The JSON text of a span's event. `attributes` is JSON text without brackets. */
export const eventText = (name: string, at: Instant, attributes: string): string =>
  `{"attributes":[${attributes}],"name":${JSON.stringify(name)},"timeUnixNano":"${nanosOf(at)}","droppedAttributesCount":0}`;

/** A link to a span of another process. */
export const linkText = (traceId: string, spanId: string, attributes: string): string =>
  `{"attributes":[${attributes}],"spanId":"${spanId}","traceId":"${traceId}","droppedAttributesCount":0,"flags":${flags | remoteParentFlag}}`;

/** Attributes of any names. */
export const attributesText = (attributes: Readonly<Record<string, AttributeValue>>): string =>
  Object.entries(attributes)
    .map(([key, value]) => `{"key":${JSON.stringify(key)},"value":${valueText(value)}}`)
    .join(',');

const prefixes = new Map<string, Buffer>();
const prefixesMax = 1_000;

/** The names are few but for callers' tags. */
function prefixOf(key: string): Buffer {
  const known = prefixes.get(key);
  if (known !== undefined) return known;
  const prefix = Buffer.from(`{"key":${JSON.stringify(key)},"value":`);
  if (prefixes.size < prefixesMax) prefixes.set(key, prefix);
  return prefix;
}

function valueText(value: AttributeValue): string {
  switch (typeof value) {
    case 'string':
      return `{"stringValue":${JSON.stringify(value)}}`;
    case 'number':
      return Number.isInteger(value) ? `{"intValue":${value}}` : `{"doubleValue":${Number.isFinite(value) ? value : null}}`;
    case 'boolean':
      return `{"boolValue":${value}}`;
    default:
      return `{"arrayValue":{"values":[${value.map(valueText).join(',')}]}}`;
  }
}

/** Of milliseconds with fractions: whole seconds and nine digits. */
function nanosOf(ms: Instant): string {
  const seconds = Math.trunc(ms / 1000);
  const nanos = Math.round((ms - seconds * 1000) * 1e6);
  return nanos < 1e9 ? `${seconds}${String(nanos).padStart(9, '0')}` : `${seconds + 1}${String(nanos - 1e9).padStart(9, '0')}`;
}
