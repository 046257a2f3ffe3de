/** Members by which a caller would choose the host that is called or the key that pays: nobody outside may do that. */
import type { JsonObject } from '../../core/json.ts';
import { type Reading, refuse } from './reading.ts';

/** In lower case and without separators, so that `apiBase` and `API-BASE` are the same as `api_base`. */
const hosts: ReadonlySet<string> = new Set([
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

export function refuseHosts(reading: Reading, body: JsonObject): void {
  const named = Object.keys(body).find(member => hosts.has(member.toLowerCase().replace(/[^a-z]/g, '')));
  if (named === undefined) return;
  refuse(
    reading,
    'forbidden_parameter',
    named,
    `${named.slice(0, 80)} is not allowed: callers name models; hosts, headers and keys are the configuration's. Leave it out.`,
  );
}
