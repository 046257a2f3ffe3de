/** Gemini on Vertex AI: Google's wire format at an endpoint of region and project, with a token instead of a key. */
import type { Provider } from '../core/chat/provider.ts';
import { vertexCounter } from './counters/token-counters.ts';
import { gemini } from './gemini.ts';

export const vertex = {
  ...gemini,
  name: 'vertex',
  baseUrl: 'https://{region}-aiplatform.googleapis.com/v1/projects/{project}/locations/{region}/publishers/google',
  auth: 'google',
  account: { region: 'global', project: '' },
  environment: [],
  modelPrefixes: [],
  counter: vertexCounter,
  renderRequest: (request, model) => {
    const rendered = gemini.renderRequest(request, model);
    return { ...rendered, path: rendered.path.replace(/^\/v1beta(?=\/models\/)/, '') };
  },
} satisfies Provider;
