import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../../gateway/settings/secret.ts';
import { redactor } from '../../../gateway/transport/redact.ts';

const key = 'sk-proj-Qv7Lw2Xb9Ta4Ny6Rc8Ze1Kd3';
const redact = redactor(new Secret(key));

/** What comes out of a stream that is fed in these pieces. */
function through(chunks: readonly string[]): string {
  const stream = redact.stream();
  return [...chunks.map(chunk => stream.chunk(Buffer.from(chunk))), stream.end()].map(bytes => Buffer.from(bytes).toString()).join('');
}
const event = (text: string): string =>
  `data: {"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":${JSON.stringify(text)}}}]}\n\n`;
const contentOf = (wire: string): string => [...wire.matchAll(/"content":"([^"]*)"/g)].map(match => match[1]).join('');

describe('The key in use, echoed by a provider', () => {
  test('goes from headers, and the others stay as they are', () => {
    const headers = { 'x-request-id': `r ${key}`, 'x-base64': Buffer.from(`ab:${key}`).toString('base64'), 'content-type': 'text/plain' };
    const clean = redact.headers(headers);
    expect(clean).toMatchObject({ 'x-request-id': 'r [secret]', 'content-type': 'text/plain' });
    expect(Buffer.from(clean['x-base64']!.replace('[secret]', ''), 'base64').toString()).not.toContain('Qv7');
    const others = { 'content-type': 'text/plain' };
    expect(redact.headers(others)).toBe(others);
  });

  test('goes from bodies and failures in base64 as well, wherever it stands in what was encoded', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 8 }),
        fc.string({ maxLength: 8 }),
        fc.constantFrom('base64', 'base64url'),
        (before, after, form) => {
          const text = Buffer.from(before + key + after).toString(form);
          const clean = redact.bytes(Buffer.from(`{"echo":"${text}"}`)).toString();
          expect(clean.length).toBe(text.length + 11);
          expect(Buffer.from(clean.slice(9, -2).replaceAll('*', ''), form).toString()).not.toContain('Qv7Lw2Xb');
          expect(redact.failure({ kind: 'authentication', message: text }).message).toContain('[secret]');
        },
      ),
      { numRuns: 50 },
    );
  });

  test('goes from a text that comes in pieces of three characters or more, but for its first twelve, however the bytes arrive', () => {
    const lengths = fc.array(fc.integer({ min: 3, max: 9 }), { minLength: 11, maxLength: 11 });
    fc.assert(
      fc.property(lengths, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }), (sizes, cuts) => {
        const pieces: string[] = [];
        for (let at = 0; at < key.length; at += sizes[pieces.length - 1]!) pieces.push(key.slice(at, at + sizes[pieces.length]!));
        if (pieces.at(-1)!.length < 3 && pieces.length > 1) pieces.push(pieces.splice(-2).join(''));
        const wire = [event('Your key is '), event(`now ${pieces[0]}`), ...pieces.slice(1).map(event), event(' as asked.')].join('');
        const chunks: string[] = [];
        for (let at = 0; at < wire.length; at += cuts[(chunks.length - 1) % cuts.length]!)
          chunks.push(wire.slice(at, at + cuts[chunks.length % cuts.length]!));
        const clean = through(chunks);
        expect(clean.length).toBe(wire.length);
        expect(contentOf(clean)).toMatch(/^Your key is now [^*]{0,12}\*+ as asked\.$/);
        expect(clean.replaceAll('*', '')).not.toContain(key.slice(12, 20));
      }),
      { numRuns: 100 },
    );
  });

  test('and no other text is touched, also where it begins like one', () => {
    const wire = ['task-force', ' sk-', 'proj-', 'ects', ' "sk-pro', 'ject"', ' and sk-proj-', 'Qv'].map(event).join('');
    expect(through([wire])).toBe(wire);
    fc.assert(
      fc.property(fc.array(fc.constantFrom('sk-', 'sk-proj-', 'Qv7', '"', 'proj-Q', ' x ', 'sk'), { maxLength: 20 }), parts => {
        const text = parts.map(event).join('');
        const clean = through([text]);
        // At most what is really a longer beginning of the key.
        if (!parts.join('').includes(key.slice(0, 11))) expect(clean).toBe(text);
      }),
      { numRuns: 100 },
    );
  });
});
