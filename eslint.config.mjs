/** The linter of the pages' scripts, of the benchmarks' script and of the scripts' unit tests (`make lint`). */
import {createRequire} from 'node:module';

// ESLint stands in the virtual environment, not beside this file: its own rules are found from where it was started.
const js = createRequire(process.argv[1])('@eslint/js');

const rules = {
    ...js.configs.recommended.rules,
    // tsc finds names that are not defined.
    'no-undef': 'off',
    'no-unused-vars': ['error', {argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'all'}],
    'no-empty': 'error',
    'array-callback-return': 'error',
    'consistent-return': 'off',
    'default-case-last': 'error',
    eqeqeq: 'error',
    'no-constructor-return': 'error',
    'no-eval': 'error',
    'no-implied-eval': 'error',
    'no-lonely-if': 'error',
    'no-promise-executor-return': 'off',
    'no-self-compare': 'error',
    'no-shadow': ['error', {hoist: 'functions'}],
    'no-template-curly-in-string': 'error',
    'no-throw-literal': 'error',
    'no-unneeded-ternary': 'error',
    'no-unmodified-loop-condition': 'error',
    'no-unreachable-loop': 'error',
    'no-unused-expressions': ['error', {allowShortCircuit: true, allowTernary: true}],
    'no-use-before-define': ['error', {functions: false, classes: false, variables: false}],
    'no-useless-call': 'error',
    'no-useless-concat': 'error',
    'no-useless-rename': 'error',
    'no-useless-return': 'error',
    'no-var': 'error',
    'object-shorthand': 'error',
    'one-var': ['error', {initialized: 'never'}],
    'prefer-const': ['error', {destructuring: 'all'}],
    'prefer-rest-params': 'error',
    'prefer-spread': 'error',
    'prefer-template': 'off',
    'symbol-description': 'error'
};
const linterOptions = {reportUnusedDisableDirectives: 'error'};

export default [
    {ignores: ['**/.*/', 'tests/artifacts/']},
    {
        files: ['dash_devices_nb/client/*.js', 'dash_devices_nb/components/*.js'],
        languageOptions: {ecmaVersion: 2022, sourceType: 'script'},
        linterOptions,
        rules: {...rules, strict: ['error', 'function']}
    },
    // One expression, which the benchmarks give to the browser.
    {files: ['benchmarks/*.js'], languageOptions: {ecmaVersion: 2022, sourceType: 'script'}, linterOptions, rules: {...rules, 'no-unused-expressions': 'off'}},
    {files: ['dash_devices_nb/server/labextension/static/*.js'], languageOptions: {ecmaVersion: 2022, sourceType: 'script'}, linterOptions, rules},
    {files: ['tests/client/unit/*.mjs', '*.mjs'], languageOptions: {ecmaVersion: 2022, sourceType: 'module'}, linterOptions, rules}
];
