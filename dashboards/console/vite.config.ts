import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** `npm run dev:console` asks the gateway of HINDCAST_URL for data. */
const gateway = process.env.HINDCAST_URL ?? 'http://127.0.0.1:4000';

export default defineConfig({
  base: '/console/',
  plugins: [react()],
  // Files, not data URLs: the content security policy takes nothing else.
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1_000,
    emptyOutDir: true,
  },
  server: { proxy: { '/admin': gateway, '/v1': gateway } },
});
