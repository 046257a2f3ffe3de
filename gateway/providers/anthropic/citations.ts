/** Citations of a text block: locations on the web, in search results and in documents of the request. */
import type { Citation, TextSpan } from '../../core/chat/chat.ts';
import { isObject, type Json } from '../../core/chat/json.ts';

/** `span` is the range of the block within the response; the citation covers all of it. */
export function citationsOf(list: Json | undefined, span: TextSpan): readonly Citation[] {
  if (!Array.isArray(list)) return [];
  return (list as readonly Json[]).flatMap(raw => {
    if (!isObject(raw)) return [];
    const { url, title, document_title: name, cited_text: quote, source, file_id: file, document_index: index } = raw;
    const address = [url, source].find(value => typeof value === 'string' && /^https?:/i.test(value));
    const document = [file, source, index].find(value => (typeof value === 'string' && value !== '') || typeof value === 'number');
    const heading = [title, name].find(value => typeof value === 'string');
    return [
      {
        span,
        ...(typeof address === 'string' ? { url: address } : document === undefined ? {} : { document: String(document) }),
        ...(typeof heading === 'string' ? { title: heading } : {}),
        ...(typeof quote === 'string' && quote !== '' ? { quote } : {}),
        raw,
      },
    ];
  });
}
