// Lists as conditions of SQL.

/** Whose SQL, and where its tables hold what the schema speaks of. */
export interface Database {
  readonly dialect: 'postgres' | 'sqlite' | 'duckdb' | 'spark' | 'mariadb';
  /** In TOML; tables and columns are in snake_case where it says nothing. */
  readonly mapping?: string;
}

/** How a filter is written into a query that has more in it. */
export interface FilterOptions {
  /** The number of the first parameter: 1 unless told. */
  readonly firstParameter?: number;
  /**
   * How parameters are written: as the dialect has them unless told. `?` and `%s` have no numbers: values are given in the
   * order in which they stand.
   */
  readonly parameterStyle?: '$1' | '?' | '?1' | ':1' | ':p1' | '%s' | '%(p1)s';
  /** What the query calls the row: the mapping's alias or the table's name unless told. */
  readonly alias?: string;
}

/** A value that a statement is given: of a `bigint`, a bigint where a number does not hold it exactly. */
export type Parameter =
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'bigint'; readonly value: number | bigint }
  | { readonly type: 'text'; readonly value: string }
  | { readonly type: 'boolean_list'; readonly value: readonly (boolean | null)[] }
  | { readonly type: 'bigint_list'; readonly value: readonly (number | bigint | null)[] }
  | { readonly type: 'text_list'; readonly value: readonly (string | null)[] };

/** A condition for the `WHERE` of a query: true for the rows that the person may do the action to. */
export interface Filter {
  readonly dialect: Database['dialect'];
  /** Temporary views that are to be made before it runs: for Spark, whose parameters are single values. */
  readonly setup: readonly {
    readonly view: string;
    readonly columns: readonly { readonly name: string; readonly type: string }[];
    readonly rows: readonly (readonly (Parameter | null)[])[];
  }[];
  /** Never empty: `FALSE` where nothing is allowed, `TRUE` where everything is. */
  readonly sql: string;
  /** The values of its parameters, in the order of their numbers, or in that in which they stand where they have none. */
  readonly params: readonly Parameter[];
  /** How each of them is written in the condition. */
  readonly signs: readonly string[];
  readonly policyHash: string;
  /** The version of the data that the person's own facts were read from. */
  readonly version: number;
  /** The first instant for which it holds; undefined for any. */
  readonly validFrom: Date | undefined;
  /** The last such instant. */
  readonly validUntil: Date | undefined;
}
