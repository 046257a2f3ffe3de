// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the variables of the config.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { hashInput } from '../../gateway/config/build/hash.ts';
import { type Loaded, printProblems } from '../../gateway/config/index.ts';
import { validateConfig } from '../../gateway/config/load.ts';
import { editDistance, nearest } from '../../gateway/config/nearest.ts';
import { looksLikeSecret, quoted } from '../../gateway/config/problem.ts';
import { parseBytes, parseDuration } from '../../gateway/config/schema/units.ts';
import { parseSource } from '../../gateway/config/source/source.ts';

const numRuns = process.env.HINDCAST_LONG ? 5_000 : 300;
const location = { directory: '/nowhere', environment: { HOME: '/root', KEY: 'k' } };

/** loadConfig without reading a file. */
function load(text: string): Loaded {
  const parsed = parseSource('x.yaml', text, location);
  return parsed.ok ? validateConfig(parsed.source, location, '/nowhere/x.yaml') : parsed;
}

const word = fc.constantFrom(
  ...['server', 'store', 'recorder', 'providers', 'routes', 'tenants', 'keys', 'prices', 'telemetry', 'state', 'port', 'host', 'api'],
  ...['key', 'base_url', 'steps', 'target', 'accept', 'all', 'any', 'confidence', 'hash', 'name', 'tenant', 'deadline', 'url', 'sim', 'o'],
);
const leaf = fc.oneof(
  fc.constantFrom(
    'openai',
    'simulated',
    'sim/small',
    'o/x',
    '60s',
    '1GiB',
    'p95',
    'embedded',
    '0.0.0.0',
    '${KEY}',
    '${NO}',
    '',
    'http://x/v1',
  ),
  fc.constantFrom(0, 1, 0.74, -1, Number.POSITIVE_INFINITY, Number.NaN, true, false, null),
  fc.string(),
);
/** Values that partly look like a config, so that they reach the later checks. */
const { config } = fc.letrec<{ config: unknown; value: unknown }>(tie => ({
  value: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('value'), { maxLength: 4 }), tie('config')),
  config: fc.dictionary(fc.oneof({ weight: 9, arbitrary: word }, { weight: 1, arbitrary: fc.string() }), tie('value'), { maxKeys: 6 }),
}));
const punctuation = fc.constantFrom(...'{}[]:,&*!|>%@`"\'#-? \n\t'.split(''), ': ', '- ', '${', '}', '<<: ', '\n  ', '---\n', '&a ', '*a');
const anyText = fc.array(fc.oneof(punctuation, word, leaf.map(String)), { maxLength: 40 }).map(parts => parts.join(''));

describe('for any text or value', () => {
  const check = (text: string): void => {
    const loaded = load(text);
    if (loaded.ok) return;
    const lines = text.split('\n').length;
    expect(loaded.problems.length).toBeGreaterThan(0);
    for (const { line, column, message } of loaded.problems) {
      expect(message.length).toBeGreaterThan(0);
      expect(message.length).toBeLessThan(1000);
      expect(message).not.toMatch(/Invalid input|undefined|\[object/);
      expect(line).toBeGreaterThanOrEqual(1);
      expect(line).toBeLessThanOrEqual(lines + 1);
      expect(column).toBeGreaterThanOrEqual(1);
    }
    printProblems(loaded.problems);
  };

  it('the config is valid or has problems with positions, and nothing is thrown: any text', () => {
    fc.assert(fc.property(fc.oneof(anyText, fc.string({ unit: 'binary' })), check), { numRuns });
  });

  it('the config is valid or has problems with positions, and nothing is thrown: any JSON', () => {
    fc.assert(
      fc.property(fc.oneof(config, fc.jsonValue()), value => check(JSON.stringify(value))),
      { numRuns },
    );
  });

  it('the config is valid or has problems with positions, and nothing is thrown: any YAML of it', () => {
    fc.assert(
      fc.property(config, value => check(stringify(value))),
      { numRuns },
    );
  });
});

describe('for any secret in any place', () => {
  /** Texts that look like keys, and texts that do not. */
  const secret = fc
    .tuple(fc.constantFrom('sk-', 'hc_', 'AIza', 'xai-', ''), fc.stringMatching(/^[A-Za-z0-9]{24,40}$/))
    .map(([prefix, rest]) => `${prefix}CANARY${rest}`);
  const places = [
    'providers: { o: { api: openai, key: X, foo: 1 } }',
    'providers: { o: { api: openai, keys: [X, X, ""], foo: 1 } }',
    'providers: { o: { api: simulated, key: X } }',
    'providers: { o: { api: openai, key: X, key: X } }',
    'providers: { o: { api: openai, key: [X] } }',
    'providers: { o: { api: openai, base_url: "http://X:X@h/v1", key: "a X" } }',
    'providers: { o: { api: openai, base_url: "ht tp://X", key: a } }',
    'store: { password: X, host: 0 }',
    'store: { url: "http://u:X@x" }',
    'telemetry: { otlp: X }',
    'keys: [{ name: a, hash: X }]',
    'keys: [{ name: a, hash: "sha256:X" }]',
  ];
  const misplaced = [
    'server: { host: 0.0.0.0, port: X }',
    'providers: { o: { api: X } }',
    'recorder: { durability: X }',
    'routes: { r: X, s: X/x, t: [X/X] }',
    'routes: { r: { steps: [{ target: sim/x, hedge_after: X, timeout: X }] } }',
    'tenants: { t: { routes: [X, X/y] } }',
    'keys: [{ name: X, hash: "", tenant: X, role: X }]',
    'X: 1',
    'server: { X: 1 }',
    'routes: { X: { X: 1 } }',
    '{ X: [',
    'server: *X',
    'a: !X b',
    'a: "\\X"',
    'a: | X',
    'a: b X',
  ];
  const outcome = (text: string, variables: Record<string, string> = {}): { readonly said: string; readonly hashed: string } => {
    const around = { ...location, environment: { ...location.environment, ...variables } };
    const parsed = parseSource('x.yaml', text, around);
    const loaded = parsed.ok ? validateConfig(parsed.source, around, '/nowhere/x.yaml') : parsed;
    const all = loaded.ok ? [loaded.settings, [...loaded.settings.providers.values()]] : [loaded.problems, printProblems(loaded.problems)];
    return { said: JSON.stringify(all), hashed: parsed.ok ? hashInput(parsed.source.value) : '' };
  };

  it.each(places)('it is never printed: %s', place => {
    fc.assert(
      fc.property(secret, value => {
        const { said: sent, hashed } = outcome(place.replaceAll('X', value));
        expect(sent + hashed).not.toContain('CANARY');
      }),
      { numRuns: 20 },
    );
  });

  it.each(misplaced)('a text that looks like a key is not printed in any other place: %s', place => {
    fc.assert(
      fc.property(secret.filter(looksLikeSecret), value => {
        expect(outcome(place.replaceAll('X', value)).said).not.toContain('CANARY');
      }),
      { numRuns: 20 },
    );
  });

  it.each([...places, ...misplaced.slice(0, 7)])('the value of a variable is never printed: %s', place => {
    const text = place.replaceAll(/"[^"]*X[^"]*"|[A-Za-z/]*X(?:\/[yxX])?/g, found =>
      JSON.stringify(found.replaceAll(/^"|"$/g, '').replaceAll('X', '${SECRET}')),
    );
    fc.assert(
      fc.property(fc.constantFrom('CANARY', 'a CANARY', 'CANARY/', 'smi CANARY'), value => {
        expect(outcome(text, { SECRET: value }).said).not.toContain('CANARY');
      }),
      { numRuns: 10 },
    );
  });

  it('is hidden when it is quoted', () => {
    fc.assert(
      fc.property(secret.filter(looksLikeSecret), value => {
        expect(quoted(`x ${value}`)).toBe('"[hidden]"');
      }),
    );
    expect(quoted('deepseek/deepseek-v4')).toBe('"deepseek/deepseek-v4"');
    expect(quoted('a\u202eb\u0007')).toBe('"a b\\u0007"');
  });
});

describe('the nearest word', () => {
  const known = ['server', 'store', 'recorder', 'providers', 'routes', 'timeout', 'retries', 'confidence'];

  it('is found after any single typo', () => {
    const slip = fc.tuple(fc.constantFrom(...known), fc.nat(), fc.constantFrom('drop', 'double', 'swap', 'replace')).map(([w, n, kind]) => {
      const i = n % (w.length - 1);
      if (kind === 'drop') return [w, w.slice(0, i) + w.slice(i + 1)] as const;
      if (kind === 'double') return [w, w.slice(0, i) + w[i] + w.slice(i)] as const;
      if (kind === 'swap') return [w, w.slice(0, i) + w[i + 1] + w[i] + w.slice(i + 2)] as const;
      return [w, `${w.slice(0, i)}x${w.slice(i + 1)}`] as const;
    });
    fc.assert(
      fc.property(slip, ([meant, written]) => {
        expect(nearest(written, known)).toBe(meant);
      }),
    );
  });

  it('is undefined when no word is near', () => {
    expect(nearest('zzzzzz', known)).toBeUndefined();
    expect(nearest('', known)).toBeUndefined();
    expect(nearest('x'.repeat(10_000), known)).toBeUndefined();
  });

  it('uses a metric: 0 only for equal words, symmetric, bounded by the longer word', () => {
    const short = fc.string({ maxLength: 8, unit: fc.constantFrom('a', 'b', 'c') });
    fc.assert(
      fc.property(short, short, (a, b) => {
        const distance = editDistance(a, b);
        expect(distance === 0).toBe(a === b);
        expect(editDistance(b, a)).toBe(distance);
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
      }),
    );
  });
});

describe('units', () => {
  it('are read with their usual meaning', () => {
    expect(['400ms', '60s', '2m', '1h', '1d', '1.5s', '0ms'].map(parseDuration)).toEqual([
      400, 60_000, 120_000, 3_600_000, 86_400_000, 1500, 0,
    ]);
    expect(['512MiB', '1GiB', '1KB', '1.5MiB', '7B'].map(parseBytes)).toEqual([2 ** 29, 2 ** 30, 1000, 1.5 * 2 ** 20, 7]);
  });

  it('are not guessed', () => {
    expect(['', '60', 's', '60 s', '-1s', '1e3s', '1S', '60sec', 'Infinity', ' 1s'].map(parseDuration)).toEqual(Array(10).fill(undefined));
    expect(['', '1', '1G', '1gib', '1 GiB', '-1B'].map(parseBytes)).toEqual(Array(6).fill(undefined));
  });
});
