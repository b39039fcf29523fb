package shadow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/c2dproxy/c2dproxy/internal/pgserver"
)

// templatePrefix begins the names of templates in a folder that outlives the process.
const templatePrefix = "catalog-template-"

// Prepare makes the cluster that every server of this program is copied from, in dir, which stays for later runs, and
// returns its path for Spec.TemplateDir. What earlier versions left there is removed. It holds nothing of any study.
func Prepare(ctx context.Context, dir string, random io.Reader) (string, error) {
	binaries, err := pgserver.Find()
	if err != nil {
		return "", fmt.Errorf("shadow: %w", err)
	}
	if !binaries.HasExtension("dblink") {
		return "", fmt.Errorf("shadow: %w", ErrNoDblink)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("shadow: %w", err)
	}
	template := filepath.Join(dir, templatePrefix+templateVersion(binaries, string(boot)))
	if err := dropTemplates(dir, template); err != nil {
		return "", err
	}
	options := Spec{Dir: dir, Random: random}.options(binaries)
	return template, prepareTemplate(ctx, options, template)
}

// templateVersion changes with everything that makes a template: the server's programs and our scripts. It changes
// with the boot of the machine too, because templates are written without fsync.
func templateVersion(binaries pgserver.Binaries, boot string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q", binaries.Dir, boot, templateScript())
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// dropTemplates removes the templates of dir except one.
func dropTemplates(dir, keep string) error {
	found, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("shadow: %w", err)
	}
	for _, entry := range found {
		path := filepath.Join(dir, entry.Name())
		if !strings.HasPrefix(entry.Name(), templatePrefix) || path == keep {
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("shadow: %w", err)
		}
	}
	return nil
}
