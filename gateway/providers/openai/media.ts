/** Images, documents and audio as content parts of a chat completion. */
import type { MediaSource, Part } from '../../core/chat/chat.ts';
import type { JsonObject } from '../../core/chat/json.ts';
import { dropped, type Warning } from '../../core/chat/provider.ts';
import type { ModelTraits } from './model.ts';

type Media = Part & { type: 'image' | 'document' | 'audio' };

/** A list with the part, or empty when it cannot be expressed. */
export function renderMedia(part: Media, path: string, traits: ModelTraits, warnings: Warning[]): readonly JsonObject[] {
  const lose = (detail: string): readonly JsonObject[] => {
    warnings.push(dropped(path, detail));
    return [];
  };
  switch (part.type) {
    case 'image': {
      if (part.source.type === 'file') return lose('An image can be sent here by URL or inline, not as a file.');
      const detail = part.detail === undefined ? {} : { detail: part.detail };
      return [{ type: 'image_url', image_url: { url: urlOf(part.source), ...detail } }];
    }
    case 'document':
      if (part.name !== undefined && part.source.type === 'file')
        warnings.push(dropped(`${path}.name`, 'A file is sent by its id and already has a name.'));
      return renderDocument(part, lose, traits);
    case 'audio':
      if (part.source.type !== 'inline') return lose('Audio can only be sent inline here.');
      return [{ type: 'input_audio', input_audio: { data: part.source.data, format: formatOf(part.source.mediaType) } }];
  }
}

function renderDocument(
  { source, name }: Part & { type: 'document' },
  lose: (detail: string) => readonly JsonObject[],
  traits: ModelTraits,
): readonly JsonObject[] {
  switch (source.type) {
    case 'file':
      return [{ type: 'file', file: { file_id: source.id } }];
    case 'url':
      if (traits.isOpenAi) return lose('OpenAI takes documents inline or as files, not by their URL.');
      return [{ type: 'file', file: { filename: name ?? 'document', file_data: source.url } }];
    case 'inline':
      return [{ type: 'file', file: { filename: name ?? nameOf(source.mediaType), file_data: urlOf(source) } }];
  }
}

const urlOf = (source: Exclude<MediaSource, { type: 'file' }>): string =>
  source.type === 'url' ? source.url : `data:${source.mediaType};base64,${source.data}`;

/** OpenAI requires a file name. */
const nameOf = (mediaType: string): string => (mediaType === 'application/pdf' ? 'document.pdf' : 'document.txt');

const formatsByMediaType: Readonly<Record<string, string>> = {
  'audio/mpeg': 'mp3',
  'audio/mp3': 'mp3',
  'audio/wav': 'wav',
  'audio/x-wav': 'wav',
  'audio/wave': 'wav',
};

const formatOf = (mediaType: string): string =>
  (Object.hasOwn(formatsByMediaType, mediaType) ? formatsByMediaType[mediaType] : undefined) ?? mediaType.replace(/^audio\/(x-)?/, '');
