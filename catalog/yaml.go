package catalog

import (
	"errors"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxFile bounds the size of a file in bytes.
const maxFile = 4 << 20

// decodeFile reads YAML into a File: no unknown setting, no setting twice, no alias, no
// tag, every scalar as the text that the person wrote (so that 0.10 never passes through
// a float64), every list of names in the order of the file.
func decodeFile(name string, data []byte) (*File, positions, error) {
	d := &decoder{where: positions{"": {1, 1}}}
	if len(data) > maxFile {
		d.add("", "the file has more than %d bytes", maxFile)
		return nil, nil, d.errors(name, d.where)
	}
	doc, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, nil, syntaxError(name, err)
	}
	var bodies []ast.Node
	for _, doc := range doc.Docs {
		if doc.Body != nil {
			bodies = append(bodies, doc.Body)
		}
	}
	if len(bodies) != 1 {
		d.add("", "the file has %d YAML documents; write one, see configs/example.yaml", len(bodies))
		return nil, nil, d.errors(name, d.where)
	}
	var f File
	d.value("", bodies[0], reflect.ValueOf(&f).Elem())
	return &f, d.where, d.errors(name, d.where)
}

// syntaxError turns the parser's error into ours.
func syntaxError(name string, err error) error {
	var se *yaml.SyntaxError
	if errors.As(err, &se) && se.Token != nil && se.Token.Position != nil {
		at := se.Token.Position
		return Errors{{name, at.Line, at.Column, "", "not YAML: " + se.Message}}
	}
	return Errors{{File: name, Message: "not YAML: " + err.Error()}}
}

// decoder walks a YAML tree along a Go type.
type decoder struct {
	problems
	where positions
}

// place notes where a path is.
func (d *decoder) place(path string, n ast.Node) {
	if p := n.GetToken().Position; p != nil {
		d.where[path] = position{p.Line, p.Column}
	}
}

// child is the path of a setting inside another.
func child(path, name string) string {
	if path == "" {
		return name
	}
	if name == "" {
		return path
	}
	return path + "." + name
}

// item is the path of the i-th entry of a list.
func item(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// value decodes n into v.
func (d *decoder) value(path string, n ast.Node, v reflect.Value) {
	switch n := n.(type) {
	case *ast.AliasNode, *ast.AnchorNode, *ast.TagNode, *ast.MergeKeyNode:
		d.add(path, "anchors, aliases and tags are not read; write the value itself")
		return
	case *ast.NullNode:
		d.add(path, "has no value; write one or remove the line")
		return
	case *ast.SequenceNode:
		d.sequence(path, n, v)
		return
	}
	if v.Type() == reflect.TypeFor[FileDomain]() {
		if s, ok := d.scalar(path, n); ok {
			v.Set(reflect.ValueOf(FileDomain{Range: s}))
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(path, n, v.Elem())
	case reflect.Struct:
		d.mapping(path, n, v)
	case reflect.Slice:
		if nameField(v.Type().Elem()) < 0 {
			d.add(path, "is one value; write a list in [ ]")
			return
		}
		d.named(path, n, v)
	default:
		d.leaf(path, n, v)
	}
}

// leaf decodes a scalar.
func (d *decoder) leaf(path string, n ast.Node, v reflect.Value) {
	s, ok := d.scalar(path, n)
	if !ok {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Bool:
		if s != "true" && s != "false" {
			d.add(path, "%q is not a truth value; write true or false", s)
			return
		}
		v.SetBool(s == "true")
	case reflect.Int64:
		i, err := strconv.ParseInt(strings.ReplaceAll(s, "_", ""), 10, 64)
		if err != nil {
			d.add(path, "%q is not a whole number; write one such as 1000", s)
			return
		}
		v.SetInt(i)
	default:
		d.add(path, "cannot be set") // unreachable for File
	}
}

// scalar returns the text of a scalar as it was written.
func (d *decoder) scalar(path string, n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	d.add(path, "is a list or has settings of its own; write one value")
	return "", false
}

// entries returns the settings of a mapping in order, and notes their places.
func (d *decoder) entries(path string, n ast.Node) []*ast.MappingValueNode {
	var all []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		all = n.Values
	case *ast.MappingValueNode:
		all = []*ast.MappingValueNode{n}
	default:
		d.add(path, "is one value; write settings as name: value")
		return nil
	}
	var good []*ast.MappingValueNode
	for _, e := range all {
		key, ok := keyText(e.Key)
		if !ok {
			d.place(child(path, "?"), e.Key)
			d.add(child(path, "?"), "names of settings are plain words")
			continue
		}
		d.place(child(path, key), e.Key)
		good = append(good, e)
	}
	return good
}

// keyText returns a plain mapping key as it was written.
func keyText(k ast.MapKeyNode) (string, bool) {
	switch k := k.(type) {
	case *ast.StringNode:
		return k.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return k.GetToken().Value, true
	}
	return "", false
}

// mapping decodes the settings of a struct; an unknown one is an error.
func (d *decoder) mapping(path string, n ast.Node, v reflect.Value) {
	for _, e := range d.entries(path, n) {
		key, _ := keyText(e.Key)
		i, known := fieldFor(v.Type(), key)
		if i < 0 {
			d.add(child(path, key), "unknown setting; write one of: %s", strings.Join(known, ", "))
			continue
		}
		d.value(child(path, key), e.Value, v.Field(i))
	}
}

// named decodes name: {settings} pairs into a slice of structs, in order.
func (d *decoder) named(path string, n ast.Node, v reflect.Value) {
	for _, e := range d.entries(path, n) {
		key, _ := keyText(e.Key)
		entry := reflect.New(v.Type().Elem()).Elem()
		entry.Field(nameField(entry.Type())).SetString(key)
		if i := tagged(entry.Type(), ",value"); i >= 0 {
			d.value(child(path, key), e.Value, entry.Field(i))
		} else {
			d.value(child(path, key), e.Value, entry)
		}
		v.Set(reflect.Append(v, entry))
	}
}

// sequence decodes a list.
func (d *decoder) sequence(path string, n *ast.SequenceNode, v reflect.Value) {
	if v.Type() == reflect.TypeFor[FileDomain]() {
		v = v.FieldByName("Values")
	}
	if v.Kind() != reflect.Slice || nameField(v.Type().Elem()) >= 0 {
		d.add(path, "is a list; write one value, or settings as name: value")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Values), len(n.Values)))
	for i, e := range n.Values {
		d.place(item(path, i), e)
		if m, ok := e.(*ast.MappingNode); ok && len(m.Values) > 0 {
			d.place(item(path, i), m.Values[0].Key)
		}
		d.value(item(path, i), e, v.Index(i))
	}
}

// fieldFor finds the field of a setting, and lists the settings there are.
func fieldFor(t reflect.Type, key string) (int, []string) {
	var known []string
	for i := range t.NumField() {
		tag := t.Field(i).Tag.Get("yaml")
		if tag == key {
			return i, nil
		}
		if tag != "" && !strings.HasPrefix(tag, ",") {
			known = append(known, tag)
		}
	}
	return -1, known
}

// nameField returns the index of a struct's field that holds its name, or -1.
func nameField(t reflect.Type) int { return tagged(t, ",name") }

// tagged returns the index of the field with a tag, or -1.
func tagged(t reflect.Type, tag string) int {
	if t.Kind() != reflect.Struct {
		return -1
	}
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("yaml") == tag {
			return i
		}
	}
	return -1
}
