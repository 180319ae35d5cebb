/**
 * The arrows between packages: `wire <- core <- every feature package <- gateway`. A feature package knows core and
 * nothing beside it; what two of them share is a contract in core.
 */
const SOURCE = '^packages/([^/]+)/src/'

/** Packages with a place of their own in the order; every other folder of `packages/` is a feature package. */
const PLACED = 'wire|core|gateway|testing'

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-cycles',
      comment:
        'Two modules that need each other at run time are one module, or hide a third. Types may refer to each other.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'wire-needs-nothing',
      comment: 'wire is bytes: it imports itself and what Node ships.',
      severity: 'error',
      from: { path: '^packages/wire/src/' },
      to: { pathNot: '^packages/wire/src/', dependencyTypesNot: ['core'] },
    },
    {
      name: 'core-needs-wire-only',
      severity: 'error',
      from: { path: '^packages/core/src/' },
      to: { path: '^packages/', pathNot: '^packages/(core|wire)/' },
    },
    {
      name: 'features-need-core-only',
      comment: 'Feature packages never import each other, nor the gateway that is made of them.',
      severity: 'error',
      from: { path: SOURCE, pathNot: `^packages/(${PLACED})/` },
      to: { path: '^packages/', pathNot: '^packages/($1|core|wire)/' },
    },
    {
      name: 'testing-needs-core-and-wire-only',
      severity: 'error',
      from: { path: '^packages/testing/src/' },
      to: { path: '^packages/', pathNot: '^packages/(testing|core|wire)/' },
    },
    {
      name: 'testing-is-for-tests',
      severity: 'error',
      from: { path: SOURCE, pathNot: '^packages/testing/' },
      to: { path: '^packages/testing/' },
    },
    {
      name: 'packages-stand-alone',
      comment: 'What ships does not reach into what does not.',
      severity: 'error',
      from: { path: SOURCE },
      to: { path: '^(test|bench|examples|scripts)/|^packages/[^/]+/test/' },
    },
    {
      name: 'through-the-front-door',
      comment: 'Another package is imported by its name, never by a path into its files.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: { path: '^packages/', pathNot: '^packages/$1/', dependencyTypes: ['local'] },
    },
    {
      name: 'no-undeclared-dependencies',
      severity: 'error',
      from: { path: SOURCE },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-dev-dependencies-at-run-time',
      severity: 'error',
      from: { path: SOURCE },
      to: {
        dependencyTypes: ['npm-dev'],
        dependencyTypesNot: ['npm-peer', 'npm-optional', 'type-only'],
        path: 'node_modules',
      },
    },
    {
      name: 'not-to-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Beside what is built, the sources of plugins: they are AssemblyScript.
    exclude: { path: '^packages/([^/]+/dist|plugin-host/(examples|pdk|templates|test/fixtures))/' },
    tsPreCompilationDeps: true,
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@sluice/source', 'import', 'node', 'default', 'types'],
      extensions: ['.ts', '.mjs', '.js', '.d.ts'],
    },
  },
}
