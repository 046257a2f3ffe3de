/** Line icons of 16 px, in the colour of the text around them. */
const paths = {
  traffic: 'M2 4h12M2 8h8M2 12h10',
  overview: 'M2 13V8m4 5V3m4 10V6m4 7V9',
  replay: 'M3 8a5 5 0 1 0 1.6-3.7M3 2.5v2.8h2.8',
  thresholds: 'M2 5h7m4 0h1M2 11h2m4 0h6M11 3.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6zM6 9.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6z',
  targets: 'M2.5 8h4m0 0 3-4h4m-7 4 3 4h4M12 2.4 13.6 4 12 5.6m0 4.8 1.6 1.6-1.6 1.6',
  access: 'M10 2.5a3.5 3.5 0 1 1-2.6 5.8L3 12.7V14h2v-1.5h1.5V11L8 9.4M10.6 5.4h.01',
  playground: 'M5 3.2v9.6L13 8z',
  config: 'M5.5 2.5 2.5 8l3 5.5m5-11 3 5.5-3 5.5',
  filter: 'M2 3.5h12l-4.6 5.3v4l-2.8-1.4V8.8z',
  columns: 'M2.5 3h11v10h-11zM6.2 3v10m3.6-10v10',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  close: 'm4 4 8 8m0-8-8 8',
  check: 'm3 8.5 3.2 3.2L13 4.8',
  pause: 'M5.5 3.5v9m5-9v9',
  more: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
  menu: 'M2 4.5h12M2 8h12M2 11.5h12',
  download: 'M8 2.5v7.5m0 0 3-3m-3 3-3-3M3 13.5h10',
  label: 'M2.5 2.5h5.2l5.8 5.8-5.2 5.2-5.8-5.8zM5.4 5.4h.01',
  theme: 'M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11',
  down: 'm4.5 6.5 3.5 3.5 3.5-3.5',
  right: 'm6.5 4.5 3.5 3.5-3.5 3.5',
  left: 'M9.5 4.5 6 8l3.5 3.5',
  search: 'M7 2.8a4.2 4.2 0 1 0 0 8.4 4.2 4.2 0 0 0 0-8.4zm3.2 7.4 3.3 3.3',
  link: 'M9.5 3H13v3.5M13 3 7.5 8.5M11.5 9v4H3V4.5h4',
} as const;

export type IconName = keyof typeof paths;

/** A line icon; it says nothing to a screen reader. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg
      width="16"
      height="16"
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={paths[name]} />
    </svg>
  );
}

/** The mark of the product. */
export function Mark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#2f4bbd" />
      <path d="M8 22V10m0 6h10m0-6v12" stroke="#fff" strokeWidth="3" strokeLinecap="round" fill="none" />
      <path d="M22 10l4 3.5-4 3.5" stroke="#9db2ff" strokeWidth="2.4" strokeLinecap="round" strokeLinejoin="round" fill="none" />
    </svg>
  );
}
