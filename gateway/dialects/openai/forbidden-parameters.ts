/** Members by which a caller would choose the host or the key of a call; they are refused. */
import type { JsonObject } from '../../core/chat/json.ts';
import { type RequestReader, refuse } from './request-reader.ts';

/** In lower case and without separators, so that `apiBase` and `API-BASE` equal `api_base`. */
const forbiddenMembers: ReadonlySet<string> = new Set([
  'apibase',
  'baseurl',
  'baseuri',
  'apiurl',
  'apihost',
  'apikey',
  'apikeys',
  'apitoken',
  'apiversion',
  'authorization',
  'accesstoken',
  'openaiapibase',
  'openaiapikey',
  'customhost',
  'customllmprovider',
  'customproviderurl',
  'endpoint',
  'endpointurl',
  'host',
  'hostname',
  'url',
  'proxy',
  'proxyurl',
  'azureendpoint',
  'azureadtoken',
  'awsaccesskeyid',
  'awssecretaccesskey',
  'awssessiontoken',
  'awsbedrockruntimeendpoint',
  'vertexcredentials',
  'vertexproject',
  'vertexlocation',
  'extraheaders',
  'extrabody',
  'extraquery',
  'headers',
  'litellmparams',
  'litellmcredentialname',
  'modellist',
  'sslverify',
]);

/** Names that were looked at before; callers make up few others. */
const allowed = new Set<string>();
const allowedMax = 500;
const nameLengthMax = 100;

function isAllowed(member: string): boolean {
  if (forbiddenMembers.has(member.toLowerCase().replace(/[^a-z]/g, ''))) return false;
  if (allowed.size < allowedMax && member.length <= nameLengthMax) allowed.add(member);
  return true;
}

export function refuseHostParameters(reading: RequestReader, body: JsonObject): void {
  let hostMember: string | undefined;
  for (const member in body) if (!allowed.has(member) && !isAllowed(member)) hostMember ??= member;
  if (hostMember === undefined) return;
  refuse(
    reading,
    'forbidden_parameter',
    hostMember,
    `${hostMember.slice(0, 80)} is not allowed: callers name models; hosts, headers and keys are the configuration's. Leave it out.`,
  );
}
