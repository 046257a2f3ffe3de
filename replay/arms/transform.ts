/** The changes that a recorded request may go out with: each has a name, and where none applies the bytes are the caller's own. */
import { isObject, type Json, type JsonObject, scanObject, spliceMembers } from '../../gateway/core/chat/json.ts';

export interface Transforms {
  /** Asks with this temperature in place of the recorded one. */
  readonly temperature?: number;
  /** Given to requests without a limit of their own, so that what a call may cost is known. */
  readonly outputTokensMax?: number;
  /** What is done about what the provider itself would do or keep beside answering. */
  readonly hosted: 'strip' | 'block' | 'allow';
}

export interface Applied {
  readonly name: 'temperature' | 'limit-output' | 'no-store' | 'no-hosted-tools';
  readonly field: string;
}

export type Transformed = { readonly text: string; readonly applied: readonly Applied[] } | { readonly refused: string };

/** `limitField` is what the answering model calls its limit, where the caller's format has two names for it. */
export function transform(text: string, dialect: string, transforms: Transforms, limitField = 'max_completion_tokens'): Transformed {
  const scan = scanObject(text);
  if (!scan.ok) return { refused: scan.problem.message };
  const { value, members } = scan;
  const applied: Applied[] = [];
  const changes: Record<string, string | undefined> = {};
  const change = (name: Applied['name'], field: string, json: string | undefined): void => {
    changes[field] = json;
    applied.push({ name, field });
  };
  if (transforms.hosted !== 'allow') {
    const hosted = hostedNames(value);
    if (hosted.length > 0 && transforms.hosted === 'block') return { refused: `it lets the provider act by itself: ${hosted.join(', ')}` };
    if (hosted.length > 0) withoutHosted(value, change);
    const keeps = value.store === true || (dialect.includes('responses') && value.store !== false);
    if (keeps) change('no-store', 'store', 'false');
    if (value.background === true) change('no-store', 'background', 'false');
  }
  const inConfig = dialect.startsWith('gemini');
  const config = inConfig ? (isObject(value.generationConfig) ? value.generationConfig : {}) : value;
  const settings: Record<string, string> = {};
  const set = (name: Applied['name'], field: string, json: string): void => {
    if (!inConfig) return change(name, field, json);
    settings[field] = json;
    applied.push({ name, field: `generationConfig.${field}` });
  };
  if (transforms.temperature !== undefined && config.temperature !== transforms.temperature)
    set('temperature', 'temperature', String(transforms.temperature));
  if (transforms.outputTokensMax !== undefined && !limitFields.some(field => config[field] !== undefined && config[field] !== null))
    set('limit-output', limitFieldOf(dialect, limitField), String(transforms.outputTokensMax));
  if (Object.keys(settings).length > 0) changes.generationConfig = withMembers(text, members.get('generationConfig'), settings);
  return { text: applied.length === 0 ? text : spliceMembers(text, members, changes), applied };
}

const limitFields = ['max_tokens', 'max_completion_tokens', 'max_output_tokens', 'maxOutputTokens', 'max_tokens_to_sample'];

function limitFieldOf(dialect: string, ofModel: string): string {
  if (dialect.startsWith('gemini')) return 'maxOutputTokens';
  if (dialect.includes('responses')) return 'max_output_tokens';
  return dialect.includes('chat') ? ofModel : 'max_tokens';
}

function withMembers(text: string, span: { start: number; end: number } | undefined, settings: Readonly<Record<string, string>>): string {
  const inner = span ? text.slice(span.start, span.end) : '{}';
  const scan = scanObject(inner);
  return scan.ok
    ? spliceMembers(inner, scan.members, settings)
    : `{${Object.entries(settings).map(([field, json]) => `"${field}":${json}`)}}`;
}

/** Members by which a provider reaches out by itself. */
const hostedMembers = ['web_search_options', 'mcp_servers', 'plugins', 'search_parameters'];
/** Tools that run at the caller's, whatever their type is called. */
const callerToolTypes = /^(function|custom|bash_|text_editor_|computer_|computer_use|memory_|local_shell|shell|apply_patch)/;

function isHosted(tool: Json): boolean {
  if (!isObject(tool)) return false;
  if (typeof tool.type === 'string') return !callerToolTypes.test(tool.type);
  // Gemini names them by their member; Anthropic's own tools have no type and a schema.
  return ['googleSearch', 'google_search', 'googleSearchRetrieval', 'urlContext', 'url_context', 'codeExecution', 'code_execution'].some(
    name => tool[name] !== undefined,
  );
}

function hostedNames(value: JsonObject): readonly string[] {
  const tools = Array.isArray(value.tools) ? (value.tools as readonly Json[]).filter(isHosted) : [];
  const names = tools.map(tool => {
    const { type } = tool as JsonObject;
    return typeof type === 'string' ? type : Object.keys(tool as JsonObject)[0]!;
  });
  return [...hostedMembers.filter(member => value[member] !== undefined && value[member] !== null), ...new Set(names)];
}

function withoutHosted(value: JsonObject, change: (name: Applied['name'], field: string, json: string | undefined) => void): void {
  for (const member of hostedMembers) if (value[member] !== undefined) change('no-hosted-tools', member, undefined);
  if (!Array.isArray(value.tools)) return;
  const kept = (value.tools as readonly Json[]).filter(tool => !isHosted(tool));
  if (kept.length === value.tools.length) return;
  change('no-hosted-tools', 'tools', kept.length > 0 ? JSON.stringify(kept) : undefined);
  if (kept.length === 0 && value.tool_choice !== undefined) change('no-hosted-tools', 'tool_choice', undefined);
}
