import type { Provider } from '../core/chat/provider.ts';
import type { Instant } from '../core/shared/time.ts';
import type { Secret } from '../settings/secret.ts';
import { type SigningRequest, sign } from './aws-signature.ts';
import { googleToken } from './google-token.ts';

type HeaderFields = Readonly<Record<string, string>>;
/** What is given where a call needs no proof of its own. */
export const noAuthHeaders: HeaderFields = {};

/** Who is called, with which key; `region` of a cloud. */
export interface Callee {
  readonly provider: Pick<Provider, 'auth'>;
  readonly key: Secret | undefined;
  readonly region?: string;
}

/** A promise only where a token has to be fetched. */
export function authenticateCall(
  { provider, key, region }: Callee,
  request: SigningRequest,
  at: Instant,
): HeaderFields | Promise<HeaderFields> {
  if (!key) return noAuthHeaders;
  switch (provider.auth) {
    case 'aws': {
      const [accessKeyId = '', secretAccessKey, sessionToken] = key.reveal().split(':');
      // A Bedrock API key is a bearer's and holds no colon.
      if (secretAccessKey === undefined) return { authorization: `Bearer ${accessKeyId}` };
      const credentials = { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
      return sign(request, credentials, { region: region ?? '', service: 'bedrock' }, at);
    }
    case 'google': {
      const token = googleToken(key, at);
      return typeof token === 'string' ? bearerHeader(token) : token.then(bearerHeader);
    }
    default:
      return noAuthHeaders;
  }
}

const bearerHeader = (token: string): HeaderFields => ({ authorization: `Bearer ${token}` });
