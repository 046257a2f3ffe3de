/** Spans as OTLP's JSON text, written into memory that is used again: byte for byte what OpenTelemetry's own serializer makes of the same span. */
import type { Instant } from '../core/shared/time.ts';

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
const bytesMin = 16 * 1024;

/** Collects spans as OTLP/JSON text in one buffer that is used again after each export. */
export class SpanWriter {
  #bytes = Buffer.allocUnsafe(bytesMin);
  #at = 0;
  /** Whether the next span, or the next attribute, is the first. */
  #isFirstSpan = true;
  #isFirstAttribute = true;

  /** All spans since the last call, with commas between them. */
  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#at));
    this.#at = 0;
    this.#isFirstSpan = true;
    return taken;
  }

  /** Its attributes come next, then `end` with the same frame. */
  begin(span: SpanFrame): void {
    const parent = span.parentSpanId === '' ? '' : `,"parentSpanId":"${span.parentSpanId}"`;
    const state = span.traceState === undefined ? '' : `,"traceState":${JSON.stringify(span.traceState)}`;
    this.#text(
      `${this.#isFirstSpan ? '' : ','}{"traceId":"${span.traceId}","spanId":"${span.spanId}"${parent}${state},"name":${JSON.stringify(span.name)},"kind":${span.kind}` +
        `,"startTimeUnixNano":"${nanosOf(span.startedAt)}","endTimeUnixNano":"${nanosOf(span.endedAt)}","attributes":[`,
    );
    this.#isFirstSpan = false;
    this.#isFirstAttribute = true;
  }

  end({ events = '', links = '', error, isParentRemote }: SpanFrame): void {
    const status = error === undefined ? '{"code":0}' : `{"code":${statusError},"message":${JSON.stringify(error)}}`;
    this.#text(
      `],"droppedAttributesCount":0,"events":[${events}],"droppedEventsCount":0,"status":${status},"links":[${links}]` +
        `,"droppedLinksCount":0,"flags":${isParentRemote ? flags | remoteParentFlag : flags}}`,
    );
  }

  /** One attribute; nothing where the value is undefined. */
  attribute(key: string, value: AttributeValue | undefined): void {
    if (value === undefined) return;
    this.#key(key);
    this.#text(valueText(value));
    this.#byte(closingBrace);
  }

  /** The same for a text that needs no escape: an id, a name of ours. */
  plain(key: string, value: string): void {
    this.#key(key);
    this.#bytesOf(plainStart);
    this.#text(value);
    this.#bytesOf(plainEnd);
  }

  #key(key: string): void {
    const prefix = prefixOf(key);
    // The comma before it.
    this.#bytesOf(this.#isFirstAttribute ? prefix.subarray(1) : prefix);
    this.#isFirstAttribute = false;
  }

  #bytesOf(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = byte;
  }

  #text(text: string): void {
    // UTF-8 takes three bytes a code unit at most.
    this.#reserve(text.length * 3);
    this.#at += this.#bytes.write(text, this.#at);
  }

  #reserve(more: number): void {
    if (this.#at + more <= this.#bytes.length) return;
    const bytes = Buffer.allocUnsafe(2 * (this.#at + more));
    this.#bytes.copy(bytes, 0, 0, this.#at);
    this.#bytes = bytes;
  }
}

const closingBrace = 0x7d;
const plainStart = Buffer.from('{"stringValue":"');
const plainEnd = Buffer.from('"}}');

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
  const prefix = Buffer.from(`,{"key":${JSON.stringify(key)},"value":`);
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
