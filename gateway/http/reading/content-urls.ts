/** Refuses content by reference to loopback, private and metadata addresses: a self-hosted target would fetch it from its own network. */

import type { ChatRequest, Part } from '../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import { invalid, type Refusal } from '../../exchange/response/refusal.ts';
import { isPrivateHost } from '../../transport/address-guard.ts';

/** Names under which clouds serve the credentials of a machine. */
const metadataHosts: ReadonlySet<string> = new Set(['metadata.google.internal', 'metadata', 'instance-data', 'instance-data.ec2.internal']);

/** A request as it was read, and its body. */
interface ReadRequest {
  readonly chat: ChatRequest;
  readonly value: JsonObject;
}

/** Undefined when all are allowed. `allow` lists hosts, with a port or for any. Names are not looked up. */
export function refusedContentUrl({ chat, value }: ReadRequest, allow: readonly string[]): Refusal | undefined {
  const path = pathOfRefused(chat, allow) ?? (chat.unread ? pathInBody(value, allow) : undefined);
  if (path === undefined) return undefined;
  const message = `${path} is at a loopback, private or metadata address; routing.content_urls.allow may list its host.`;
  return invalid('url_not_allowed', message, path);
}

function pathOfRefused({ messages, messagePaths }: ChatRequest, allow: readonly string[]): string | undefined {
  for (const [i, { content }] of messages.entries()) {
    for (const [at, part] of content.entries()) {
      if (isRefusedPart(part, allow)) return `${messagePaths?.[i] ?? `messages[${i}]`}.content[${at}]`;
    }
  }
  return undefined;
}

function isRefusedPart(part: Part, allow: readonly string[]): boolean {
  if (part.type === 'tool-result') return part.content.some(inner => isRefusedPart(inner, allow));
  return 'source' in part && part.source.type === 'url' && isRefused(part.source.url, allow);
}

const contentMembers = ['messages', 'input', 'contents'];
const urlMember = /(?:^|_)(?:url|uri)$|(?:Url|Uri)$/;
const walkDepthMax = 40;

/** Content that the vocabulary does not hold, such as videos, which only the caller's own bytes carry. */
function pathInBody(body: JsonObject, allow: readonly string[]): string | undefined {
  for (const member of contentMembers) {
    const found = pathIn(body[member], member, allow, 0);
    if (found !== undefined) return found;
  }
  return undefined;
}

function pathIn(value: Json | undefined, path: string, allow: readonly string[], depth: number): string | undefined {
  if (depth > walkDepthMax) return undefined;
  if (Array.isArray(value)) {
    for (const [i, item] of (value as readonly Json[]).entries()) {
      const found = pathIn(item, `${path}[${i}]`, allow, depth + 1);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (!isObject(value)) return undefined;
  for (const [member, inner] of Object.entries(value)) {
    if (typeof inner === 'string' && urlMember.test(member) && isRefused(inner, allow)) return `${path}.${member}`;
    const found = pathIn(inner, `${path}.${member}`, allow, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isRefused(address: string, allow: readonly string[]): boolean {
  if (!/^(?:https?|ftp|file):/i.test(address)) return false;
  if (/^file:/i.test(address)) return true;
  if (!URL.canParse(address)) return false;
  const { host, hostname } = new URL(address);
  const isInside = isPrivateHost(hostname) || metadataHosts.has(hostname.replace(/\.$/, '').toLowerCase());
  return isInside && !allow.includes(hostname) && !allow.includes(host);
}
