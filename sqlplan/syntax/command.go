package syntax

import (
	pg "github.com/pganalyze/pg_query_go/v5"
)

// command names a statement that writes as PostgreSQL's errors do; tools look for these words. Rare ones have no
// name here. The walker names those that may also be inside others: INSERT, UPDATE, DELETE, MERGE.
func command(n *pg.Node) string {
	switch v := n.GetNode().(type) {
	case *pg.Node_CopyStmt:
		if v.CopyStmt.IsFrom {
			return "COPY FROM"
		}
		return "COPY TO a file or program"
	case *pg.Node_TruncateStmt:
		return "TRUNCATE TABLE"
	case *pg.Node_CreateStmt:
		return "CREATE TABLE"
	case *pg.Node_CreateTableAsStmt:
		return "CREATE TABLE AS"
	case *pg.Node_ViewStmt:
		return "CREATE VIEW"
	case *pg.Node_IndexStmt:
		return "CREATE INDEX"
	case *pg.Node_CreateSchemaStmt:
		return "CREATE SCHEMA"
	case *pg.Node_CreateFunctionStmt:
		return "CREATE FUNCTION"
	case *pg.Node_CreateExtensionStmt:
		return "CREATE EXTENSION"
	case *pg.Node_AlterTableStmt:
		return "ALTER TABLE"
	case *pg.Node_CommentStmt:
		return "COMMENT"
	case *pg.Node_GrantStmt:
		if v.GrantStmt.IsGrant {
			return "GRANT"
		}
		return "REVOKE"
	case *pg.Node_DropStmt:
		switch v.DropStmt.RemoveType {
		case pg.ObjectType_OBJECT_TABLE:
			return "DROP TABLE"
		case pg.ObjectType_OBJECT_VIEW:
			return "DROP VIEW"
		case pg.ObjectType_OBJECT_SCHEMA:
			return "DROP SCHEMA"
		}
		return "DROP"
	}
	return ""
}

// locking names a SELECT that locks rows, as PostgreSQL does.
func locking(clause *pg.Node) string {
	switch clause.GetLockingClause().GetStrength() {
	case pg.LockClauseStrength_LCS_FORUPDATE:
		return "SELECT FOR UPDATE"
	case pg.LockClauseStrength_LCS_FORNOKEYUPDATE:
		return "SELECT FOR NO KEY UPDATE"
	case pg.LockClauseStrength_LCS_FORSHARE:
		return "SELECT FOR SHARE"
	case pg.LockClauseStrength_LCS_FORKEYSHARE:
		return "SELECT FOR KEY SHARE"
	}
	return "this statement"
}
