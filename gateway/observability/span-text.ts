/** Spans as OTLP's JSON text, piece by piece: byte for byte what OpenTelemetry's own serializer makes of the same span. */
import type { Instant } from '../core/shared/time.ts';

/** OTLP's kinds of spans. */
export const spanKind = { internal: 1, server: 2, client: 3 } as const;

/** A value of an attribute; one that is undefined is left out. */
export type AttributeValue = string | number | boolean | readonly string[];

export interface SpanText {
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
  /** Attributes as `attribute` and its like give them. */
  readonly attributes: string;
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

export function spanText(span: SpanText): string {
  const parent = span.parentSpanId === '' ? '' : `,"parentSpanId":"${span.parentSpanId}"`;
  const state = span.traceState === undefined ? '' : `,"traceState":${JSON.stringify(span.traceState)}`;
  const status = span.error === undefined ? '{"code":0}' : `{"code":${statusError},"message":${JSON.stringify(span.error)}}`;
  return (
    `{"traceId":"${span.traceId}","spanId":"${span.spanId}"${parent}${state},"name":${JSON.stringify(span.name)},"kind":${span.kind}` +
    `,"startTimeUnixNano":"${nanosOf(span.startedAt)}","endTimeUnixNano":"${nanosOf(span.endedAt)}","attributes":[${span.attributes.slice(1)}]` +
    `,"droppedAttributesCount":0,"events":[${span.events ?? ''}],"droppedEventsCount":0,"status":${status},"links":[${span.links ?? ''}]` +
    `,"droppedLinksCount":0,"flags":${span.isParentRemote ? flags | remoteParentFlag : flags}}`
  );
}

export const eventText = (name: string, at: Instant, attributes: string): string =>
  `{"attributes":[${attributes.slice(1)}],"name":${JSON.stringify(name)},"timeUnixNano":"${nanosOf(at)}","droppedAttributesCount":0}`;

/** A link to a span of another process. */
export const linkText = (traceId: string, spanId: string, attributes: string): string =>
  `{"attributes":[${attributes.slice(1)}],"spanId":"${spanId}","traceId":"${traceId}","droppedAttributesCount":0,"flags":${flags | remoteParentFlag}}`;

/** One attribute with a comma before it; '' where the value is undefined. */
export function attribute(key: string, value: AttributeValue | undefined): string {
  if (value === undefined) return '';
  return `${prefixOf(key)}${valueText(value)}}`;
}

/** The same for a text that needs no escape: an id, a name of ours. */
export const plainAttribute = (key: string, value: string): string => `${prefixOf(key)}{"stringValue":"${value}"}}`;

/** Attributes of any names. */
export const attributesText = (attributes: Readonly<Record<string, AttributeValue | undefined>>): string =>
  Object.entries(attributes)
    .map(([key, value]) => attribute(key, value))
    .join('');

const prefixes = new Map<string, string>();
const prefixesMax = 1_000;

/** The names are few but for callers' tags. */
function prefixOf(key: string): string {
  const known = prefixes.get(key);
  if (known !== undefined) return known;
  const prefix = `,{"key":${JSON.stringify(key)},"value":`;
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
