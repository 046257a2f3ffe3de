/** Seeded strings of the formats that JSON Schemas name. */
import { seededUniform } from '../../../../statistics/distributions/seeded-uniform.ts';
import { nouns } from './words.ts';

/** A string of the format; undefined for an unknown format. */
export function generateFormatted(format: string, seed: string): string | undefined {
  if (!Object.hasOwn(formats, format)) return undefined;
  return formats[format]?.((label, below) => Math.floor(seededUniform(seed, label) * below));
}

/** An integer from 0 to below `below`, deterministic for the label. */
type Draw = (label: string, below: number) => number;

const digits = (n: number): string => String(n).padStart(2, '0');
const hex = (draw: Draw, label: string, length: number): string =>
  draw(label, 16 ** length)
    .toString(16)
    .padStart(length, '0');
const noun = (draw: Draw): string => nouns[draw('noun', nouns.length)]!;
const dateOf = (draw: Draw): string => `2025-${digits(1 + draw('month', 12))}-${digits(1 + draw('day', 28))}`;
const timeOf = (draw: Draw): string => `${digits(draw('hour', 24))}:${digits(draw('minute', 60))}:${digits(draw('second', 60))}Z`;

/** The formats of OpenAI's strict schemas, and `uri`. */
const formats: Readonly<Record<string, (draw: Draw) => string>> = {
  'date-time': draw => `${dateOf(draw)}T${timeOf(draw)}`,
  date: dateOf,
  time: timeOf,
  duration: draw => `PT${1 + draw('minutes', 59)}M`,
  email: draw => `${noun(draw)}@example.com`,
  hostname: draw => `${noun(draw)}.example.com`,
  uri: draw => `https://example.com/${noun(draw)}`,
  ipv4: draw => `192.0.2.${draw('host', 256)}`,
  ipv6: draw => `2001:db8::${draw('host', 65_536).toString(16)}`,
  uuid: draw =>
    `${hex(draw, 'a', 8)}-${hex(draw, 'b', 4)}-4${hex(draw, 'c', 3)}-8${hex(draw, 'd', 3)}-${hex(draw, 'e', 6)}${hex(draw, 'f', 6)}`,
};
