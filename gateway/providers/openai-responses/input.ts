/** A conversation as input items of the Responses API: messages, calls, results and reasoning items. */
import type { ChatRequest, MediaSource, Message, Part, Tool } from '../../core/chat/chat.ts';
import type { Json, JsonObject } from '../../core/chat/json.ts';
import { approximated, dropped, type Warning, withoutCitations } from '../../core/chat/provider.ts';
import type { ModelTraits } from '../openai/model.ts';
import { isEncrypted } from './reading.ts';
import { renderCall } from './tools.ts';

interface Context {
  readonly traits: ModelTraits;
  readonly warnings: Warning[];
  readonly tools: readonly Tool[];
  /** Ids of freeform calls, whose results have a type of their own. */
  readonly freeformIds: ReadonlySet<string>;
}

const isFreeform = (part: Part): part is Part & { type: 'tool-call' } => part.type === 'tool-call' && part.freeform === true;

export function renderInput({ messages, tools }: ChatRequest, traits: ModelTraits, warnings: Warning[]): readonly JsonObject[] {
  const freeformIds = new Set(messages.flatMap(({ content }) => content.flatMap(part => (isFreeform(part) ? [part.id] : []))));
  const context: Context = { traits, warnings, tools, freeformIds };
  return messages.flatMap((message, index) => renderMessage(message, `messages[${index}]`, context));
}

/** Consecutive parts of one kind share a message; their order is kept. */
function renderMessage(message: Message, path: string, context: Context): readonly JsonObject[] {
  const items: JsonObject[] = [];
  let content: JsonObject[] = [];
  const role = roleOf(message.role, path, context);
  const close = (): void => {
    if (content.length > 0) items.push({ role, content: simplifyContent(content) });
    content = [];
  };
  if (message.name !== undefined) context.warnings.push(dropped(`${path}.name`, 'The Responses API takes no participant names.'));
  for (const [at, part] of message.content.entries()) {
    const partPath = `${path}.content[${at}]`;
    const item = renderItem(part, partPath, context);
    if (item) {
      if (item.length > 0) close();
      items.push(...item);
    } else content.push(...renderContent(part, message.role, partPath, context));
  }
  close();
  return items.length > 0 || message.content.length > 0 ? items : [{ role, content: '' }];
}

/** Parts that are items of their own; undefined for parts of a message. */
function renderItem(part: Part, path: string, context: Context): readonly JsonObject[] | undefined {
  switch (part.type) {
    case 'tool-call': {
      if (part.signature !== undefined) {
        context.warnings.push(dropped(`${path}.signature`, 'The signature of a call can only go back to the provider that made it.'));
      }
      return [renderCall(part, context.tools)];
    }
    case 'tool-result':
      return [
        {
          type: context.freeformIds.has(part.id) ? 'custom_tool_call_output' : 'function_call_output',
          call_id: part.id,
          output: renderResult(part, path, context),
        },
      ];
    case 'reasoning':
      return renderReasoning(part, path, context);
    default:
      return undefined;
  }
}

/** Encrypted reasoning goes back to OpenAI; plain reasoning only to models that require it. */
function renderReasoning(part: Part & { type: 'reasoning' }, path: string, { traits, warnings }: Context): readonly JsonObject[] {
  const sealed = part.signature ?? part.redacted;
  if (sealed !== undefined && isEncrypted(sealed)) {
    const summary = part.text === '' ? [] : [{ type: 'summary_text', text: part.text }];
    return [{ type: 'reasoning', summary, encrypted_content: sealed }];
  }
  if (part.redacted !== undefined) warnings.push(dropped(path, 'Encrypted reasoning can only go back to the provider that made it.'));
  if (part.text === '') return [];
  if (traits.acceptsReasoning && part.signature !== undefined) {
    warnings.push(dropped(`${path}.signature`, 'A signature of reasoning can only go back to the provider that made it.'));
  }
  if (traits.acceptsReasoning) return [{ type: 'reasoning', summary: [], content: [{ type: 'reasoning_text', text: part.text }] }];
  warnings.push(dropped(path, 'OpenAI accepts earlier reasoning only in its own encrypted form.'));
  return [];
}

function renderResult(part: Part & { type: 'tool-result' }, path: string, context: Context): Json {
  if (part.failed) {
    context.warnings.push(dropped(`${path}.failed`, 'A tool result has no failure mark here; only its text can say so.'));
  }
  const content = part.content.flatMap((inner, at) => renderContent(inner, 'tool', `${path}.content[${at}]`, context));
  return simplifyContent(content);
}

function renderContent(part: Part, role: Message['role'], path: string, context: Context): readonly JsonObject[] {
  const lose = (): readonly JsonObject[] => {
    context.warnings.push(dropped(path, `A message of the role ${role} takes no ${part.type} here.`));
    return [];
  };
  if (part.type === 'text') {
    return [{ type: role === 'assistant' ? 'output_text' : 'input_text', text: withoutCitations(part, path, context.warnings) }];
  }
  if (role === 'assistant') return part.type === 'refusal' ? [{ type: 'refusal', refusal: part.text }] : lose();
  switch (part.type) {
    case 'image':
      return [{ type: 'input_image', ...imageOf(part.source), ...(part.detail === undefined ? {} : { detail: part.detail }) }];
    case 'document':
      return [{ type: 'input_file', ...documentOf(part, path, context.warnings) }];
    default:
      return lose();
  }
}

const urlOf = ({ mediaType, data }: MediaSource & { type: 'inline' }): string => `data:${mediaType};base64,${data}`;

function imageOf(source: MediaSource): JsonObject {
  if (source.type === 'file') return { file_id: source.id };
  return { image_url: source.type === 'url' ? source.url : urlOf(source) };
}

/** An inline file must have a name. */
function documentOf({ source, name }: Part & { type: 'document' }, path: string, warnings: Warning[]): JsonObject {
  if (name !== undefined && source.type !== 'inline') warnings.push(dropped(`${path}.name`, 'Only an inline document takes a name.'));
  if (source.type === 'file') return { file_id: source.id };
  if (source.type === 'url') return { file_url: source.url };
  return { filename: name ?? (source.mediaType === 'application/pdf' ? 'document.pdf' : 'document.txt'), file_data: urlOf(source) };
}

function roleOf(role: Message['role'], path: string, { traits, warnings }: Context): string {
  if (role === 'tool') return 'user';
  if (role !== 'system' && role !== 'developer') return role;
  if (traits.systemPromptRoles !== 'user') return role;
  warnings.push(approximated(path, 'This model has no system role; sent with the role user.'));
  return 'user';
}

/** A single user text is sent as a string; the model's own content keeps its type. */
function simplifyContent(content: readonly JsonObject[]): Json {
  const [first] = content;
  if (first === undefined) return '';
  return content.length === 1 && (first.type === 'input_text' || first.type === 'output_text') ? first.text! : content;
}
