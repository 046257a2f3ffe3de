/** Claude Code and Codex as they come from npm, headless. They are installed into a folder of their own, because they weigh 400 MB each. */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ScriptedCall } from './strict-target.ts';
import type { Agent, Session } from './transcripts.ts';

const packages = { claude: '@anthropic-ai/claude-code@2.1.332', codex: '@openai/codex@0.171.0' } as const;
const installTimeoutMs = 300_000;
const sessionTimeoutMs = 90_000;

/** Where they are: the folder of `HINDCAST_AGENTS`, else one of the system that later runs find again. */
const folder = process.env.HINDCAST_AGENTS ?? join(tmpdir(), 'hindcast-agents');

/** The programs, or why one is missing. Only `install` fetches them. */
export function programs(install: boolean): { readonly agents: readonly Agent[]; readonly missing: readonly string[] } {
  const agents: Agent[] = [];
  const missing: string[] = [];
  for (const name of ['claude', 'codex'] as const) {
    const file = join(folder, 'node_modules/.bin', name);
    if (!existsSync(file) && install) {
      mkdirSync(folder, { recursive: true });
      const options = ['--prefix', folder, '--no-audit', '--no-fund', '--no-save', packages[name]];
      spawnSync('npm', ['install', ...options], { timeout: installTimeoutMs });
    }
    const version = existsSync(file) ? spawnSync(file, ['--version'], { timeout: 30_000 }) : undefined;
    if (version?.status === 0) agents.push(name === 'claude' ? claude(file) : codex(file));
    else missing.push(`${packages[name]} ${version ? 'does not run here' : `is not in ${folder}`}`);
  }
  return { agents, missing };
}

const marker = 'grün "42"';
const patch = `*** Begin Patch\n*** Add File: added.txt\n+${marker}\n*** End Patch\n`;

/** A session in a folder and a home of its own; `isDone` looks at what the agent did there. */
async function session(
  run: (place: { readonly folder: string; readonly home: string }) => {
    readonly file: string;
    readonly options: readonly string[];
    readonly environment: Record<string, string>;
  },
  isDone: (folder: string) => boolean,
  calls: readonly ScriptedCall[],
): Promise<Session> {
  const root = mkdtempSync(join(tmpdir(), 'hindcast-agent-'));
  try {
    const place = { folder: join(root, 'work'), home: join(root, 'home') };
    mkdirSync(place.folder);
    mkdirSync(place.home);
    writeFileSync(join(place.folder, 'marker.txt'), marker);
    const { file, options, environment } = run(place);
    const env = { PATH: process.env.PATH ?? '', HOME: place.home, ...environment };
    const printed = await new Promise<string>(resolve => {
      const child = execFile(file, options, { cwd: place.folder, env, timeout: sessionTimeoutMs }, (_, stdout, stderr) =>
        resolve(`${stdout}\n${stderr}`),
      );
      child.stdin?.end();
    });
    const said = /The marker is written down\./.exec(printed)?.[0] ?? '';
    if (said === '') throw new Error(printed.trim().slice(-250));
    return { calls: isDone(place.folder) ? calls : [], text: said };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const contentOf = (folder: string, name: string): string | undefined => {
  const file = join(folder, name);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
};

function claude(file: string): Agent {
  const turns: Agent['turns'] = [
    [{ name: 'Bash', arguments: JSON.stringify({ command: 'cp marker.txt copy.txt', description: 'Copy' }) }],
    [{ name: 'Bash', arguments: JSON.stringify({ command: 'cat copy.txt', description: 'Show' }) }],
  ];
  return {
    ...{ name: 'claude 2.1.332', api: 'anthropic', turns, has: { thinking: true, longIds: true, systemPrompts: true } },
    play: (url, model) =>
      session(
        () => ({
          file,
          options: ['-p', 'Copy the marker.', '--model', model, '--output-format', 'json', '--allowedTools', 'Bash'],
          environment: {
            ANTHROPIC_BASE_URL: url,
            ANTHROPIC_API_KEY: 'sk-ant-any',
            CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
            DISABLE_AUTOUPDATER: '1',
          },
        }),
        folder => contentOf(folder, 'copy.txt') === marker,
        turns.flat(),
      ),
  };
}

function codex(file: string): Agent {
  const turns: Agent['turns'] = [
    [{ name: 'exec_command', arguments: JSON.stringify({ cmd: 'cat marker.txt' }) }],
    [{ name: 'apply_patch', arguments: patch, freeform: true }],
  ];
  const provider = (url: string): string =>
    `model_providers.hc={name="hc",base_url="${url}/v1",env_key="HC_KEY",wire_api="responses",request_max_retries=2,stream_max_retries=2}`;
  return {
    ...{ name: 'codex 0.171.0', api: 'responses', turns, has: { freeform: true, thinking: true, longIds: true, systemPrompts: true } },
    // A model that Codex knows and gives its freeform tools.
    model: 'gpt-5.5',
    play: (url, model) =>
      session(
        ({ home }) => ({
          file,
          options: [
            'exec',
            '--skip-git-repo-check',
            '--dangerously-bypass-approvals-and-sandbox',
            '-c',
            'model_provider=hc',
            '-c',
            provider(url),
            '-m',
            model,
            'Copy the marker.',
          ],
          environment: { CODEX_HOME: home, HC_KEY: 'any' },
        }),
        folder => contentOf(folder, 'added.txt') === marker,
        turns.flat(),
      ),
  };
}
