/** Which way imports may go. Whatever is not named by a rule here may import what it likes. */

const { Visitor } = require('@swc/core/Visitor.js');

// The visitor that the cruiser walks a file with stops at `using`, which it does not know.
const { visitStatement } = Visitor.prototype;
Visitor.prototype.visitStatement = function visitStatementOrUsing(statement) {
  if (statement.type !== 'UsingDeclaration') return visitStatement.call(this, statement);
  this.visitVariableDeclarators(statement.decls);
  return statement;
};

/** Workspace packages that each one may import; every other is forbidden to it. */
const MAY_IMPORT = {
  'packages/contract': [],
  'packages/pool': [],
  'packages/store': [],
  'packages/config': [],
  'packages/log': [],
  'packages/pipeline': ['packages/pool', 'packages/contract'],
  'apps/worker': [
    'packages/pipeline',
    'packages/pool',
    'packages/contract',
    'packages/store',
    'packages/config',
    'packages/log',
  ],
  'apps/api': ['packages/contract', 'packages/store', 'packages/config', 'packages/log'],
  'apps/cli': ['packages/contract', 'packages/config', 'packages/pipeline'],
};

const INFERENCE = '^packages/pipeline/src/inference';

const directionOf = ([room, allowed]) => ({
  name: `direction-${room.replace('/', '-')}`,
  comment: `${room} may import: ${allowed.join(', ') || 'no workspace package'}`,
  severity: 'error',
  from: { path: `^${room}/` },
  to: { path: '^(packages|apps|bench|test)/', pathNot: [room, ...allowed].map((p) => `^${p}/`) },
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...Object.entries(MAY_IMPORT).map(directionOf),
    {
      name: 'every-room-has-a-direction',
      comment: 'a new workspace package needs a line in MAY_IMPORT',
      severity: 'error',
      from: {
        path: '^(packages|apps)/',
        pathNot: Object.keys(MAY_IMPORT).map((room) => `^${room}/`),
      },
      to: {},
    },
    {
      name: 'nothing-imports-an-app',
      comment: 'apps are processes; what two of them share lives in a package',
      severity: 'error',
      from: { pathNot: '^(apps|test)/' },
      to: { path: '^apps/' },
    },
    {
      name: 'packages-by-name',
      comment:
        'another workspace package is imported by its name, so that only its index.ts counts',
      severity: 'error',
      from: { path: '^(packages|apps)/([^/]+)/' },
      to: { path: '^(packages|apps)/', pathNot: '^$1/$2/', dependencyTypes: ['local'] },
    },
    {
      name: 'pool-has-no-npm-dependency',
      severity: 'error',
      from: { path: '^packages/pool/' },
      to: { dependencyTypesNot: ['local', 'core'] },
    },
    {
      name: 'koffi-stays-in-its-room',
      comment: 'native calls are made in two files, which know what must stay referenced',
      severity: 'error',
      from: { pathNot: `${INFERENCE}/(ort-library|native-memory)\\.ts$` },
      to: { path: '(^|/)node_modules/koffi/' },
    },
    {
      name: 'onnxruntime-node-stays-in-its-room',
      comment: 'everything else speaks to the inference port',
      severity: 'error',
      from: { pathNot: `${INFERENCE}/node-binding\\.ts$` },
      to: { path: '(^|/)node_modules/onnxruntime-(node|common)/' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-built-code',
      comment: 'sources import sources; dist is for processes',
      severity: 'error',
      from: {},
      to: { path: '(^|/)dist/', pathNot: 'node_modules/' },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // TypeScript 7 has no API that the cruiser could parse with.
    parser: 'swc',
    tsPreCompilationDeps: true,
    exclude: { path: '\\.as\\.ts$' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['source', 'import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.mts', '.js', '.mjs', '.cjs', '.json', '.d.ts'],
    },
  },
};
