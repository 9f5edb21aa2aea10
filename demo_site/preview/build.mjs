// Bundles the preview. Arguments: the folder that holds node_modules, and the file to write.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [modules, outfile] = process.argv.slice(2);
const { build } = createRequire(join(modules, 'here.js'))('esbuild');

await build({
  absWorkingDir: import.meta.dirname,
  entryPoints: ['src/main.jsx'],
  outfile,
  nodePaths: [join(modules, 'node_modules')],
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  jsx: 'automatic',
  define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
  // What Grafana would load from its own server: fonts, icons, pictures.
  loader: { '.svg': 'dataurl', '.png': 'dataurl', '.woff': 'dataurl', '.woff2': 'dataurl', '.ttf': 'dataurl' },
  logLevel: 'error',
});
