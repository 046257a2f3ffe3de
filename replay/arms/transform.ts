/** Named changes to a recorded request before it is re-sent. A request that none applies to keeps the caller's bytes. */
import { isObject, type Json, type JsonObject, scanObject, spliceMembers } from '../../gateway/core/chat/json.ts';

export interface Transforms {
  /** Replaces the recorded temperature. */
  readonly temperature?: number;
  /** Added to requests without an output limit, so that the cost of a call is bounded. */
  readonly outputTokensMax?: number;
  /** What happens to hosted tools and storage, which act or keep data at the provider. */
  readonly hosted: 'strip' | 'block' | 'allow';
}

export interface Applied {
  readonly name: 'temperature' | 'limit-output' | 'no-store' | 'no-hosted-tools';
  readonly field: string;
}

export type Transformed = { readonly text: string; readonly applied: readonly Applied[] } | { readonly refused: string };

/** The changed text, or the reason why the request is refused. `limitField` is the target model's name of the output limit. */
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
    if (hosted.length > 0 && transforms.hosted === 'block')
      return { refused: `it uses hosted tools of the provider: ${hosted.join(', ')}` };
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

/** Members that enable hosted tools. */
const hostedMembers = ['web_search_options', 'mcp_servers', 'plugins', 'search_parameters'];
/** Types of tools that the caller executes. */
const callerToolTypes = /^(function|custom|bash_|text_editor_|computer_|computer_use|memory_|local_shell|shell|apply_patch)/;

function isHosted(tool: Json): boolean {
  if (!isObject(tool)) return false;
  if (typeof tool.type === 'string') return !callerToolTypes.test(tool.type);
  // Gemini marks hosted tools by a member; Anthropic's tools without a type have a schema and run at the caller.
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
