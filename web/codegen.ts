import type { CodegenConfig } from "@graphql-codegen/cli";

// The types are made from the server's own schema files at every build and check, and are not committed: a change of the schema that
// breaks an operation breaks the build, and nobody reviews generated lines or forgets to regenerate them.
const config: CodegenConfig = {
  schema: "../graph/schema/*.graphqls",
  documents: ["src/api/operations/*.graphql"],
  ignoreNoDocuments: false,
  generates: {
    "src/gql/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        strictScalars: true,
        scalars: { ID: "string", Time: "string", Cursor: "string" },
        dedupeFragments: true,
      },
    },
  },
};

export default config;
