package federation

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// Errors of decoding; the texts are constants, because what is decoded is row data.
var (
	errCopy     = errors.New("malformed binary COPY")
	errCopyNull = fmt.Errorf("%w: NULL in a word column", errCopy)
	errCopyRows = errors.New("more rows than declared")
)

// copySignature begins PostgreSQL's binary COPY format.
const copySignature = "PGCOPY\n\xff\r\n\x00"

// maxKey bounds a join key, in bytes.
const maxKey = 64 << 10

// decodeCopy reads a binary COPY of int8 and bytea columns into a record of at most
// maxRows rows; one more is errCopyRows. The caller releases the record.
func decodeCopy(r io.Reader, columns []sqlplan.LocalColumn, maxRows int) (arrow.Record, error) {
	schema, err := schemaOf(columns)
	if err != nil {
		return nil, err
	}
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	d := copyDecoder{r: bufio.NewReaderSize(r, 64<<10), columns: columns, builder: builder}
	if err := d.header(); err != nil {
		return nil, err
	}
	for rows := 0; ; rows++ {
		more, err := d.row(rows < maxRows)
		if err != nil {
			return nil, err
		}
		if !more {
			return builder.NewRecord(), nil
		}
	}
}

// schemaOf returns the arrow schema of a task's columns.
func schemaOf(columns []sqlplan.LocalColumn) (*arrow.Schema, error) {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		switch c.Kind {
		case sqlplan.Word:
			fields[i] = arrow.Field{Name: c.Name, Type: arrow.PrimitiveTypes.Int64}
		case sqlplan.Key:
			fields[i] = arrow.Field{Name: c.Name, Type: arrow.BinaryTypes.Binary, Nullable: true}
		default:
			return nil, fmt.Errorf("%w: unknown kind of column", errCopy)
		}
	}
	return arrow.NewSchema(fields, nil), nil
}

// copyDecoder reads one COPY stream.
type copyDecoder struct {
	r       *bufio.Reader
	columns []sqlplan.LocalColumn
	builder *array.RecordBuilder
	scratch [8]byte
}

// take reads n ≤ 8 bytes; they are valid until the next take.
func (d *copyDecoder) take(n int) ([]byte, error) {
	b := d.scratch[:n]
	if _, err := io.ReadFull(d.r, b); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("%w: it ends early", errCopy)
		}
		return nil, err
	}
	return b, nil
}

// header reads signature, flags and extension. Flags and extensions that we do not know are refused.
func (d *copyDecoder) header() error {
	b := make([]byte, len(copySignature)+8)
	if _, err := io.ReadFull(d.r, b); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("%w: no header", errCopy)
		}
		return err
	}
	if string(b[:len(copySignature)]) != copySignature || binary.BigEndian.Uint64(b[len(copySignature):]) != 0 {
		return fmt.Errorf("%w: header", errCopy)
	}
	return nil
}

// row reads one row; more is false at the trailer, after which nothing may follow. A row
// beyond the bound is an error.
func (d *copyDecoder) row(fits bool) (more bool, err error) {
	b, err := d.take(2)
	if err != nil {
		return false, err
	}
	count := int16(binary.BigEndian.Uint16(b))
	if count == -1 {
		if _, err := d.r.ReadByte(); !errors.Is(err, io.EOF) {
			return false, fmt.Errorf("%w: bytes after the trailer", errCopy)
		}
		return false, nil
	}
	if !fits {
		return false, errCopyRows
	}
	if int(count) != len(d.columns) {
		return false, fmt.Errorf("%w: number of columns", errCopy)
	}
	for i := range d.columns {
		if err := d.field(i); err != nil {
			return false, err
		}
	}
	return true, nil
}

// field reads one value.
func (d *copyDecoder) field(i int) error {
	b, err := d.take(4)
	if err != nil {
		return err
	}
	size := int32(binary.BigEndian.Uint32(b))
	switch column := d.builder.Field(i).(type) {
	case *array.Int64Builder:
		switch size {
		case 8:
		case -1:
			return errCopyNull
		default:
			return fmt.Errorf("%w: a word column is not int8", errCopy)
		}
		if b, err = d.take(8); err != nil {
			return err
		}
		column.Append(int64(binary.BigEndian.Uint64(b)))
	case *array.BinaryBuilder:
		if size == -1 {
			column.AppendNull()
			return nil
		}
		if size < 0 || size > maxKey {
			return fmt.Errorf("%w: length of a key", errCopy)
		}
		key := make([]byte, size)
		if _, err := io.ReadFull(d.r, key); err != nil {
			return fmt.Errorf("%w: it ends early", errCopy)
		}
		column.Append(key)
	default:
		return fmt.Errorf("%w: unknown kind of column", errCopy)
	}
	return nil
}
