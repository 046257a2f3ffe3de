/** Agents as transcripts: the requests that each sends, in its own shapes, and the turns that follow the model's calls. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import type { ScriptedCall } from './strict-target.ts';

export interface Transcript {
  readonly name: string;
  readonly api: 'anthropic' | 'responses' | 'chat';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
  /** The calls that the model makes, turn by turn. */
  readonly turns: readonly (readonly ScriptedCall[])[];
  readonly has: { readonly freeform?: true; readonly thinking?: true; readonly longIds?: true; readonly systemPrompts?: true };
}

export const transcripts: readonly Transcript[] = ['claude-code', 'codex', 'aider', 'cline', 'opencode'].map(
  name => JSON.parse(readFileSync(join(import.meta.dirname, `../fixtures/agents/${name}.json`), 'utf8')) as Transcript,
);

/** How a session went, as the agent saw it. */
export interface Session {
  readonly calls: readonly ScriptedCall[];
  readonly text: string;
}

interface Turn {
  readonly calls: readonly (ScriptedCall & { readonly id: string })[];
  readonly text: string;
  /** The history with the model's turn, as the agent keeps it, and with the results of its calls. */
  readonly next: Readonly<Record<string, unknown>>;
}

const turnsMax = 8;
const retriesMax = 2;

/** An agent that can be played: a transcript, or a program. */
export interface Agent extends Pick<Transcript, 'name' | 'api' | 'turns' | 'has'> {
  /** The model's name that the agent must be given for its tools; any when absent. */
  readonly model?: string;
  play(url: string, model: string): Promise<Session>;
}

/** The transcripts as agents. */
export const scriptedAgents = (): readonly Agent[] =>
  transcripts.map(transcript => ({ ...transcript, play: (url, model) => playTranscript(transcript, url, model) }));

/** Plays the agent against a gateway until the model makes no more calls. */
export async function playTranscript(transcript: Transcript, url: string, model: string): Promise<Session> {
  const ask = askers[transcript.api]({ url, headers: transcript.headers });
  const calls: ScriptedCall[] = [];
  let body: Readonly<Record<string, unknown>> = { ...transcript.body, model };
  let broken = 0;
  for (let turn = 0; turn < turnsMax; turn++) {
    let answer: Turn;
    try {
      answer = await ask(body);
    } catch (problem) {
      if (broken++ >= retriesMax || !isBreak(problem)) throw problem;
      continue;
    }
    calls.push(...answer.calls.map(({ id: _, ...call }) => call));
    if (answer.calls.length === 0) return { calls, text: answer.text };
    body = { ...body, ...answer.next };
  }
  throw new Error('the session never ended');
}

/** What agents ask again after: a broken stream, which is no status of the gateway. */
const isBreak = (problem: unknown): boolean => {
  const status = (problem as { status?: number }).status;
  return status === undefined || status >= 500;
};

interface Connection {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

type Ask = (body: Readonly<Record<string, unknown>>) => Promise<Turn>;

const resultText = 'the marker is 42';

/** The official client of each API, so that a stream counts as whole only where they say so. */
const askers: Readonly<Record<Transcript['api'], (connection: Connection) => Ask>> = {
  anthropic: ({ url, headers }) => {
    const client = new Anthropic({ baseURL: url, apiKey: 'any', maxRetries: 0, defaultHeaders: headers });
    return async body => {
      const { content, stop_reason: stop } = await client.messages.stream(body as never).finalMessage();
      if (stop === null) throw new Error('the message was cut');
      const calls = content.flatMap(block =>
        block.type === 'tool_use' ? [{ id: block.id, name: block.name, arguments: JSON.stringify(block.input) }] : [],
      );
      const results = calls.map(({ id }) => ({ type: 'tool_result', tool_use_id: id, content: resultText }));
      const messages = [...(body.messages as unknown[]), { role: 'assistant', content }, { role: 'user', content: results }];
      return { calls, text: content.flatMap(block => (block.type === 'text' ? [block.text] : [])).join(''), next: { messages } };
    };
  },
  responses: ({ url, headers }) => {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any', maxRetries: 0, defaultHeaders: headers });
    return async body => {
      // biome-ignore lint/suspicious/noExplicitAny: items of kinds that the client's types may lack
      const { output, status, output_text: text } = (await client.responses.stream(body as never).finalResponse()) as any;
      if (status !== 'completed') throw new Error(`the response is ${status}`);
      const items = output as { type: string; call_id: string; namespace?: string; name: string; arguments: string; input: string }[];
      const calls = items.flatMap(({ type, call_id: id, namespace, name, arguments: json, input }) => {
        if (type === 'function_call') return [{ id, name: namespace ? `${namespace}__${name}` : name, arguments: json }];
        return type === 'custom_tool_call' ? [{ id, name, arguments: input, freeform: true }] : [];
      });
      const results = calls.map(({ id, freeform }: { id: string; freeform?: boolean }) => ({
        ...{ type: freeform ? 'custom_tool_call_output' : 'function_call_output', call_id: id, output: resultText },
      }));
      return { calls, text, next: { input: [...(body.input as unknown[]), ...items, ...results] } };
    };
  },
  chat: ({ url, headers }) => {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any', maxRetries: 0, defaultHeaders: headers });
    return async body => {
      const asked = { ...body, stream_options: { include_usage: true } };
      const { choices } = await client.chat.completions.stream(asked as never).finalChatCompletion();
      const { message } = choices[0]!;
      const calls = (message.tool_calls ?? []).map(call => {
        const { name, arguments: json } = (call as { function: { name: string; arguments: string } }).function;
        return { id: call.id, name, arguments: json };
      });
      const results = calls.map(({ id }) => ({ role: 'tool', tool_call_id: id, content: resultText }));
      // As agents keep it: without the client's own members.
      const { role, content, tool_calls: kept } = message;
      const said = {
        role,
        content,
        ...(kept
          ? {
              tool_calls: kept.map(({ id, type, ...call }) => ({
                id,
                type,
                function: {
                  name: (call as never as { function: { name: string } }).function.name,
                  arguments: (call as never as { function: { arguments: string } }).function.arguments,
                },
              })),
            }
          : {}),
      };
      return { calls, text: content ?? '', next: { messages: [...(body.messages as unknown[]), said, ...results] } };
    };
  },
};
