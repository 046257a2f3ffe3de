/** What we use of @hapi/cookie, which brings no types. */
declare module '@hapi/cookie' {
  import type { Plugin } from '@hapi/hapi';
  export const plugin: Plugin<object>;
}
