// Files that the bundler takes in as text.

declare module '*.toml' {
  const text: string;
  export default text;
}
