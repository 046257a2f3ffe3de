/** `hindcast config explain` prints what each target would be sent and what would be lost, as text and as JSON. */
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { registerConfig } from '../../gateway/cli/config-commands.ts';
import { folder } from './config-files.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

const yaml = `
providers:
  openai: { api: openai, key: sk-very-secret-indeed, base_url: "https://gateway.example/v1" }
  anthropic: { api: anthropic, key: sk-ant-very-secret-indeed }
routes:
  smart: [openai/gpt-4o, anthropic/claude-haiku-4-5]
  strict: { steps: [ { target: anthropic/claude-haiku-4-5 }, { target: openai/gpt-4o } ], on_unsupported: reject }
tenants: { acme: { routes: [strict] } }
`;
const body = { model: 'smart', messages: [{ role: 'user', content: 'hi' }], seed: 7, max_tokens: 10, quantum: { depth: 2 } };

async function explain(request: string, ...words: readonly string[]): Promise<{ out: string; err: string; code: number }> {
  const out: string[] = [];
  const err: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation(text => out.push(String(text)) > 0);
  vi.spyOn(process.stderr, 'write').mockImplementation(text => err.push(String(text)) > 0);
  const place = folder({ 'hindcast.yaml': yaml, 'body.json': request });
  const program = new Command('hindcast');
  registerConfig(program);
  const before = process.exitCode;
  process.exitCode = 0;
  const files = ['--request', join(place, 'body.json'), '--config', join(place, 'hindcast.yaml')];
  await program.parseAsync(['config', 'explain', ...files, ...words], { from: 'user' });
  const code = Number(process.exitCode);
  process.exitCode = before;
  vi.restoreAllMocks();
  return { out: out.join(''), err: err.join(''), code };
}

describe('config explain', () => {
  it('shows for each candidate the body that would be sent and the fidelity of every field', async () => {
    const { out, code } = await explain(JSON.stringify(body), '--json');
    expect(code).toBe(0);
    const { route, candidates } = JSON.parse(out);
    expect(route).toBe('smart');
    const [openai, anthropic] = candidates;
    expect(openai).toMatchObject({ target: 'openai/gpt-4o', passes: true, body: { ...body, model: 'gpt-4o' } });
    expect(openai.fields.every(({ fidelity }: { fidelity: string }) => fidelity === 'exact')).toBe(true);
    expect(anthropic).toMatchObject({ passes: false, url: 'https://api.anthropic.com/v1/messages', body: { max_tokens: 10 } });
    expect(anthropic.fields).toEqual([
      { field: 'model', fidelity: 'exact', detail: '' },
      { field: 'messages', fidelity: 'exact', detail: '' },
      { field: 'max_tokens', fidelity: 'exact', detail: '' },
      { field: 'seed', fidelity: 'dropped', detail: expect.any(String) },
      { field: 'quantum', fidelity: 'dropped', detail: expect.any(String) },
    ]);
    expect(anthropic.reasons).toEqual({ place: 2, why: 'tried when openai/gpt-4o fails' });
  });

  it('prints the same as text, and no secret in either', async () => {
    const { out } = await explain(JSON.stringify(body));
    expect(out).toContain('1. openai/gpt-4o (tried first)');
    expect(out).toMatch(/dropped {7}seed: /);
    expect(out).toContain('authorization: Bearer [secret]');
    expect(out).toContain('x-api-key: [secret]');
    const json = await explain(JSON.stringify(body), '--json');
    for (const text of [out, json.out]) expect(text).not.toMatch(/very-secret/);
  });

  it('says which targets `on_unsupported: reject` excludes, and why', async () => {
    const { out } = await explain(JSON.stringify(body), '--json', '--model', 'strict', '--tenant', 'acme');
    const { on_unsupported: word, candidates } = JSON.parse(out);
    expect(word).toBe('reject');
    expect(candidates.map((c: { refused_for: unknown }) => c.refused_for)).toEqual([['seed', 'quantum'], []]);
  });

  it('rejects what the gateway would reject, with its message', async () => {
    const wrong = await explain(JSON.stringify({ ...body, temperature: 'hot' }));
    expect(wrong).toMatchObject({ code: 2, out: '', err: expect.stringContaining('temperature') });
    expect(await explain(JSON.stringify(body), '--tenant', 'acme')).toMatchObject({
      code: 2,
      err: expect.stringContaining('model_not_allowed'),
    });
    expect(await explain(JSON.stringify(body), '--dialect', 'morse')).toMatchObject({
      code: 2,
      err: expect.stringContaining('openai-chat'),
    });
    expect(await explain('not json')).toMatchObject({ code: 2, err: expect.stringContaining('invalid_json') });
  });
});
