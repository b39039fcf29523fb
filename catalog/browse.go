package catalog

// Browse says what a login gets that asks for rows. Nobody's rows are released either way. The zero value refuses.
type Browse string

// Ways to browse.
const (
	BrowseRefused   Browse = ""
	BrowseSynthetic Browse = "synthetic" // made-up rows that follow from the declarations, each marked as such
)

// browse reads a login's way to browse.
func (b *builder) browse(at, text string) Browse {
	switch text {
	case "", "refuse":
		return BrowseRefused
	case string(BrowseSynthetic):
		return BrowseSynthetic
	}
	b.add(at, "%q: write synthetic (requests for rows get made-up ones, marked as such) or refuse", clip(text))
	return BrowseRefused
}
