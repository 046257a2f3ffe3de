import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configSchema, loadConfig } from '../../gateway/config/index.ts';
import { fillPage, writtenAs } from '../../scripts/configuration-page.ts';
import { folder } from './config-files.ts';

const root = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/configuration.md'), 'utf8');

interface Node {
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | false;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
  readonly $defs?: Readonly<Record<string, Node>>;
}
interface Key {
  readonly path: string;
  readonly node: Node;
}

/** Every key below this node, as the page writes it: `keys[].hash`, `routes.*.steps[].target`. */
function keysOf(node: Node, path: string): readonly Key[] {
  const own = Object.entries(node.properties ?? {}).flatMap(([name, inner]): readonly Key[] => {
    const here = path === '' ? name : `${path}.${name}`;
    return [{ path: here, node: inner }, ...keysOf(inner, here)];
  });
  const entries = node.additionalProperties ? keysOf(node.additionalProperties, `${path}.*`) : [];
  const items = node.items ? keysOf(node.items, `${path}[]`) : [];
  return [...own, ...entries, ...items, ...(node.anyOf ?? []).flatMap(branch => keysOf(branch, path))];
}

const schema = configSchema() as Node;
const keys = [...keysOf(schema, ''), ...keysOf(schema.$defs!.accept!, 'accept')];
const isSection = ({ properties, additionalProperties, items }: Node): boolean =>
  Boolean(properties || additionalProperties || items?.properties);

describe('the schema', () => {
  it('describes every key, for editors', () => {
    expect(keys.length).toBeGreaterThan(60);
    expect(keys.filter(({ node }) => !node.description).map(({ path }) => path)).toEqual([]);
  });

  it('allows a variable for every value that would otherwise reject text', () => {
    const port = schema.properties!.server!.properties!.port!;
    expect(port).toEqual({
      description: expect.any(String),
      default: 4000,
      anyOf: [
        { type: 'integer', minimum: 0, maximum: 65535 },
        { type: 'string', pattern: '\\$\\{' },
      ],
    });
  });
});

describe('the page', () => {
  it('has every key with its description and default, as the schema says them', () => {
    // `node scripts/configuration-page.ts` writes the tables.
    expect(fillPage(page)).toBe(page);
    const rows = keys.filter(({ path, node }) => !isSection(node) && !path.startsWith('accept.all.') && !path.startsWith('accept.any.'));
    expect(rows.filter(({ path }) => !page.includes(`\n| \`${writtenAs(path)}\` |`)).map(({ path }) => path)).toEqual([]);
  });

  it('refuses a schema with a section that the page has no place for', () => {
    expect(() => fillPage(page.replace('<!-- keys prices -->', ''))).toThrow(/no place for prices/);
  });

  it('shows valid routes', () => {
    const yaml = /```yaml\n(routes:[\s\S]*?)```/.exec(page)?.[1];
    const providers = 'providers: { openai: { api: openai, key: k }, anthropic: { api: anthropic, key: k } }\n';
    expect(loadConfig({ directory: folder({ 'hindcast.yaml': providers + yaml }), environment: {} })).toMatchObject({ ok: true });
  });
});

describe('hindcast.example.yaml', () => {
  const load = (environment: Record<string, string>) => loadConfig({ file: 'hindcast.example.yaml', directory: root, environment });

  it('is valid as it is, without any variable set', () => {
    const loaded = load({});
    expect(loaded.ok ? [] : loaded.problems).toEqual([]);
    expect(loaded.ok && [...loaded.settings.routes.keys()]).toEqual(['fast', 'chat', 'smart', 'careful', 'cheap']);
  });

  it('has the defaults', () => {
    const loaded = load({});
    const bare = loadConfig({ directory: root, file: join(folder({ 'x.yaml': '' }), 'x.yaml'), environment: {} });
    if (!loaded.ok || !bare.ok) throw new Error('refused');
    expect(loaded.settings.server).toEqual(bare.settings.server);
    expect(loaded.settings.recorder).toEqual(bare.settings.recorder);
    expect(loaded.settings.store.port).toBe(bare.settings.store.port);
  });
});
